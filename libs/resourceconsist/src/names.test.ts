import { expect, test } from 'vitest';
import { employerOfExpectedKey, expectedKeyFor, lifecycleFinalizerFor, sharersOf } from './names.ts';

test.each([
  ['resource-consist-ut-svc', 'abb2deba1db11299'],
  ['nginx', 'cf89d7dfb21f63d6'],
  ['foo', '4cc2f85cedef654f'],
  ['svc-a', '78a602a5f271ecbf'],
])('the finalizer of employer %s is that of the Go implementation', (name, hash) => {
  expect(lifecycleFinalizerFor(name)).toBe(`prot.podopslifecycle.kusionstack.io/${hash}`);
  expect(lifecycleFinalizerFor(name)).toBe(`prot.podopslifecycle.kusionstack.io/${hash}`);
});

test('a long employer name still gives a finalizer within 63 characters (T89)', () => {
  expect(lifecycleFinalizerFor('x'.repeat(253)).split('/')[1]).toHaveLength(16);
});

test('an expected key contains kind, namespace and name, and is parsed only for its kind', () => {
  expect(expectedKeyFor('Service', 'default/nginx')).toBe('Service/default/nginx');
  expect(employerOfExpectedKey('Service', 'Service/default/nginx')).toBe('default/nginx');
  expect(employerOfExpectedKey('Service', 'Ingress/default/nginx')).toBeUndefined();
  expect(employerOfExpectedKey('Service', 'Service/nginx')).toBeUndefined();
  expect(employerOfExpectedKey('Service', 'Service/default/nginx/x')).toBeUndefined();
});

test('finds another employer that expects the same finalizer', () => {
  const finalizer = lifecycleFinalizerFor('nginx');
  const expected = { 'Service/default/nginx': finalizer, 'Gateway/default/nginx': finalizer, 'Service/default/a': 'x' };
  expect(sharersOf(finalizer, 'Service/default/nginx', expected)).toEqual(['Gateway/default/nginx']);
});
