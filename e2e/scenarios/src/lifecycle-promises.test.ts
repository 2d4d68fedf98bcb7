import type { Pod } from '@kuperator/api';
import { expect, test } from 'vitest';
import { brokenPromises, grantsIn } from './lifecycle-promises.ts';

const DOMAIN = 'podopslifecycle.kusionstack.io';
const AVAILABLE = `${DOMAIN}/service-available`;
const at = (stage: string, id = 'a') => `${stage}.${DOMAIN}/${id}`;

function pod(uid: string, labels: readonly string[], gate: 'True' | 'False' = 'True', finalizers: string[] = []): Pod {
  return {
    metadata: { name: uid, uid, labels: Object.fromEntries(labels.map((label) => [label, '1'])), finalizers },
    spec: { containers: [] },
    status: { conditions: [{ type: 'pod.kusionstack.io/service-ready', status: gate }] },
  };
}

const begun = [at('operating'), at('operation-type')];
const checked = [...begun, at('pre-checked'), at('operation-permission', 'update')];
const operating = [...checked, at('operate')];
const serving = pod('web', [AVAILABLE]);

test('a correct operation breaks no promise', () => {
  const versions = [
    serving,
    pod('web', [AVAILABLE, ...begun, at('pre-check')]),
    pod('web', [...checked, at('preparing')], 'False', [`prot.${DOMAIN}/x`]),
    pod('web', operating, 'False'),
    pod('web', [at('operated'), at('done-operation-type'), at('completing'), at('post-checked')], 'True'),
    serving,
  ];
  expect(brokenPromises(versions, { pods: 1, maxUnavailable: 1 })).toEqual([]);
  expect(grantsIn(versions)).toBe(1);
});

test.each([
  { name: 'a grant while the gate is open', after: pod('web', operating, 'True'), says: 'gate open' },
  {
    name: 'a grant while a finalizer is on the Pod',
    after: pod('web', operating, 'False', [`prot.${DOMAIN}/x`]),
    says: 'finalizer on',
  },
  { name: 'a grant without a check', after: pod('web', [...begun, at('operate')], 'False'), says: 'without a check' },
  {
    name: 'service-available during an operation',
    after: pod('web', [AVAILABLE, ...checked], 'False'),
    says: 'available in',
  },
  { name: 'a gate that closes without an operation', after: pod('web', [AVAILABLE], 'False'), says: 'idle Pod' },
])('detects $name', ({ after, says }) => {
  expect(brokenPromises([serving, after]).join()).toContain(says);
});

test('detects traffic that comes on during an operation', () => {
  const versions = [pod('web', operating, 'False'), pod('web', operating, 'True')];
  expect(brokenPromises(versions).join()).toContain('gate opens while a operates');
});

test('detects that one Pod too many is out of service', () => {
  const other = pod('db', [AVAILABLE]);
  const taken = (uid: string) => pod(uid, [...checked, at('preparing')], 'False');
  expect(brokenPromises([serving, other, taken('web')], { pods: 2, maxUnavailable: 1 })).toEqual([]);
  const both = [serving, other, taken('web'), taken('db')];
  expect(brokenPromises(both, { pods: 2, maxUnavailable: 1 }).join()).toContain('2 Pods out of service, 1 may be');
});
