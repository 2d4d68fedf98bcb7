import { EMPLOYER_CLEAN_FINALIZER } from '@kuperator/api';
import { expect, test } from 'vitest';
import { type Adapter, SERVICE_EMPLOYERS } from './adapter.ts';
import { withCleanFinalizer, withoutCleanFinalizer } from './clean-finalizer.ts';
import { standingOfEmployer } from './employer.ts';
import { aService } from './test/objects.ts';

const adapter: Adapter = {
  name: 'test',
  employers: SERVICE_EMPLOYERS,
  claims: ({ metadata }) => metadata.name !== 'foreign',
  refuses: ({ metadata }) => (metadata.name === 'unfit' ? { reason: 'Unfit', message: 'unfit' } : undefined),
  traffic: { observe: () => () => 'off' },
};
const deletionTimestamp = '2026-01-01T00:00:00Z';

test.each([
  { name: 'opted in', service: aService(), standing: 'active' },
  { name: 'being deleted', service: aService({ deletionTimestamp }), standing: 'leaving' },
  { name: 'not opted in', service: aService({ labels: {} }), standing: 'out' },
  {
    name: 'opted in with another value',
    service: aService({ labels: { 'kusionstack.io/control': 'True' } }),
    standing: 'out',
  },
  { name: 'opted out while being deleted', service: aService({ labels: {}, deletionTimestamp }), standing: 'out' },
  { name: 'refused by the adapter', service: aService({ name: 'unfit' }), standing: 'out' },
  { name: 'of another adapter', service: aService({ name: 'foreign', labels: {} }), standing: 'foreign' },
])('a Service $name has the standing $standing', ({ service, standing }) => {
  expect(standingOfEmployer(service, adapter)).toBe(standing);
});

test('the old clean finalizer is replaced by the new one, and others stay (T89)', () => {
  const old = 'resource-consist.kusionstack.io/clean-nginx';
  const service = aService({ finalizers: ['a', old] });
  expect(withCleanFinalizer(service)).toEqual(['a', EMPLOYER_CLEAN_FINALIZER]);
  expect(withCleanFinalizer(aService({ finalizers: [EMPLOYER_CLEAN_FINALIZER] }))).toBeUndefined();
  expect(withoutCleanFinalizer(aService({ finalizers: [EMPLOYER_CLEAN_FINALIZER, 'a', old] }))).toEqual(['a']);
  expect(withoutCleanFinalizer(aService({ finalizers: ['a'] }))).toBeUndefined();
});
