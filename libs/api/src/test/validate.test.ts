import { describe, expect, test } from 'vitest';
import { crds } from '../crd.ts';
import { type ManifestObject, manifests } from '../testdata/manifests.ts';
import { validate } from './validate.ts';

const errorsOf = (objects: readonly ManifestObject[]) => {
  const [old, object] = objects.length > 1 ? objects : [undefined, objects[0]];
  if (!object) throw new Error('an empty manifest');
  return validate(object.kind, object, old).map(({ path, message }) => `${path} ${message}`);
};

test.each(manifests('bad'))('refuses $name', ({ objects, ours }) => {
  expect(errorsOf(objects)).toContainEqual(expect.stringContaining(ours));
  expect(ours).not.toBe('');
});

test.each(manifests('bad').filter(({ objects }) => objects.length > 1))('accepts $name before its change', ({
  objects,
}) => {
  expect(errorsOf(objects.slice(0, 1))).toEqual([]);
});

test.each(manifests('legal'))('accepts $name', ({ objects }) => {
  expect(errorsOf(objects)).toEqual([]);
});

const labels = { app: 'web' };
const aSet = (spec: object = {}, name = 'web') => ({
  metadata: { name },
  spec: { selector: { matchLabels: labels }, template: { metadata: { labels } }, ...spec },
});

describe('an error', () => {
  test('names the path, the problem and what is allowed', () => {
    expect(validate('CollaSet', aSet({ replicas: -1 }))).toEqual([
      { path: 'spec.replicas', message: 'must be at least 0, not -1', value: -1, allowed: 'at least 0' },
    ]);
  });

  test('does not hide others', () => {
    const errors = validate('CollaSet', aSet({ replicas: -1, updateStrategy: { podUpgradePolicy: 'Rolling' } }));
    expect(errors.map(({ path }) => path)).toEqual(['spec.replicas', 'spec.updateStrategy.podUpgradePolicy']);
  });

  test('shortens a long value', () => {
    const podToDelete = Array.from({ length: 3001 }, (_, index) => `web-${index}`);
    const [error] = validate('CollaSet', aSet({ scaleStrategy: { podToDelete } }));
    expect(error?.message).toMatch(/^must be a list of at most 3000, not \["web-0",.*…$/);
    expect(error?.message.length).toBeLessThan(200);
  });
});

test.each([
  { name: 'beyond 32 bits', replicas: 2 ** 31 },
  { name: 'a fraction', replicas: 1.5 },
])('refuses replicas that are $name', ({ replicas }) => {
  expect(validate('CollaSet', aSet({ replicas }))).toHaveLength(1);
});

test('treats null as a missing field, as the API server does', () => {
  expect(validate('CollaSet', aSet({ replicas: null, scaleStrategy: { podToDelete: null } }))).toEqual([]);
  expect(validate('CollaSet', aSet({ template: null }))).toMatchObject([{ path: 'spec.template', value: undefined }]);
});

test('refuses an invalid time', () => {
  const status = { conditions: [{ type: 'Scale', status: 'True', lastTransitionTime: 'yesterday' }] };
  expect(validate('CollaSet', { ...aSet(), status } as never)).toMatchObject([
    { path: 'status.conditions[0].lastTransitionTime', allowed: 'an RFC 3339 time' },
  ]);
});

describe('an object that already breaks a rule', () => {
  const sequence = { namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' } };
  const name = 'x'.repeat(62);

  test('about names of Pods can still be deleted', () => {
    const old = aSet({ ...sequence, replicas: 100 }, name);
    expect(validate('CollaSet', aSet({ ...sequence, replicas: 99 }, name), old)).toEqual([]);
    expect(validate('CollaSet', aSet({ ...sequence, replicas: 1000 }, name), old)).toHaveLength(1);
  });

  test('about its own name can still be deleted', () => {
    const rules = { metadata: { name: 'x'.repeat(64) }, spec: { selector: {} } };
    expect(validate('PodTransitionRule', rules, rules)).toEqual([]);
    expect(validate('PodTransitionRule', rules)).toHaveLength(1);
  });
});

test('refuses to validate a foreign kind', () => {
  expect(() => validate('Pod' as never, { metadata: {} })).toThrow('kind Pod is not one of CollaSet, ');
});

test('returns definitions as plain JSON', () => {
  expect(crds()).toEqual(JSON.parse(JSON.stringify(crds())));
});
