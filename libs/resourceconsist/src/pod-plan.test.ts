import { expect, test } from 'vitest';
import { isUnsettled, type PodChange, type PodStanding, planPod, standingOf } from './pod-plan.ts';
import { aPod } from './test/objects.ts';

const marks = {
  expectedKey: 'Service/default/nginx',
  finalizer: 'prot.podopslifecycle.kusionstack.io/cf89d7dfb21f63d6',
};

const inService: PodStanding = {
  wanted: true,
  ready: true,
  traffic: 'on',
  lives: true,
  announced: true,
  hasKey: true,
  hasFinalizer: true,
};
const fresh = { announced: false, hasKey: false, hasFinalizer: false };

test.each<{ name: string; at: Partial<PodStanding>; change: PodChange | undefined; waits?: boolean }>([
  { name: 'in service: nothing', at: {}, change: undefined },
  {
    name: 'just created: announced before it is ready',
    at: { ...fresh, ready: false, traffic: 'off' },
    change: { expected: true },
  },
  {
    name: 'ready and with traffic when first seen: both in one write',
    at: fresh,
    change: { expected: true, finalizer: true },
  },
  {
    name: 'announced while its traffic is unknown',
    at: { ...fresh, traffic: 'changing' },
    change: { expected: true },
    waits: true,
  },
  {
    name: 'ready, traffic not yet on: waits',
    at: { hasFinalizer: false, traffic: 'off' },
    change: undefined,
    waits: true,
  },
  { name: 'ready and on: finalizer', at: { hasFinalizer: false }, change: { finalizer: true } },
  { name: 'not ready, still on: the finalizer stays', at: { ready: false }, change: undefined, waits: true },
  {
    name: 'not ready, traffic changing: the finalizer stays',
    at: { ready: false, traffic: 'changing' },
    change: undefined,
    waits: true,
  },
  {
    name: 'not ready and off: the finalizer is removed',
    at: { ready: false, traffic: 'off' },
    change: { finalizer: false },
  },
  {
    name: 'drained: nothing',
    at: { ready: false, traffic: 'off', hasFinalizer: false },
    change: undefined,
  },
  {
    name: 'ready again before traffic was off: the finalizer stays',
    at: { traffic: 'off' },
    change: undefined,
  },
  {
    name: 'terminating and never announced: nothing',
    at: { ...fresh, ready: false, lives: false, traffic: 'off' },
    change: undefined,
  },
  {
    name: 'terminating and off: the finalizer is removed, and the key stays until the Pod is gone',
    at: { ready: false, lives: false, traffic: 'off' },
    change: { finalizer: false },
  },
  {
    name: 'announced with another finalizer (an older name): the key is corrected (T89)',
    at: { announced: false },
    change: { expected: true },
  },
  {
    name: 'no longer selected, traffic still on: keeps both (T87)',
    at: { wanted: false },
    change: undefined,
    waits: true,
  },
  {
    name: 'no longer selected and off: loses key and finalizer in one write (T87)',
    at: { wanted: false, traffic: 'off' },
    change: { expected: false, finalizer: false },
  },
  {
    name: 'no longer selected before it had traffic: loses the key',
    at: { wanted: false, hasFinalizer: false, traffic: 'off' },
    change: { expected: false },
  },
  {
    name: 'no longer selected when traffic had just come on: keeps the key until traffic is off, because the key identifies the Pod',
    at: { wanted: false, hasFinalizer: false },
    change: undefined,
    waits: true,
  },
  {
    name: 'no longer selected, key already removed by another client: loses the finalizer (T87)',
    at: { wanted: false, announced: false, hasKey: false, traffic: 'off' },
    change: { finalizer: false },
  },
])('plan: $name', ({ at, change, waits = false }) => {
  const standing = { ...inService, ...at };
  expect(planPod(standing)).toEqual(change);
  const after = { ...standing, hasFinalizer: change?.finalizer ?? standing.hasFinalizer };
  expect(isUnsettled(after)).toBe(waits);
});

test('the state of a Pod is in its conditions, finalizers and annotation', () => {
  const pod = aPod({ finalizers: [marks.finalizer], expected: { [marks.expectedKey]: marks.finalizer } });
  expect(standingOf(pod, marks, { wanted: true, traffic: 'on' })).toEqual(inService);
  const closed = aPod({ gate: 'False', ready: true });
  expect(standingOf(closed, marks, { wanted: true, traffic: 'on' })).toMatchObject({ ready: false, hasKey: false });
});

test.each([
  { name: 'terminating', pod: aPod({ deletionTimestamp: '2026-01-01T00:00:00Z' }), ready: false, lives: false },
  { name: 'finished', pod: aPod({ phase: 'Succeeded', ready: false }), ready: false, lives: false },
  { name: 'gate never written', pod: aPod({ gate: 'none' }), ready: true, lives: true },
])('a Pod that is $name', ({ pod, ready, lives }) => {
  expect(standingOf(pod, marks, { wanted: true, traffic: 'off' })).toMatchObject({ ready, lives });
});
