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
    name: 'announced while its traffic cannot be told',
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
    name: 'not ready, on its way: the finalizer stays',
    at: { ready: false, traffic: 'changing' },
    change: undefined,
    waits: true,
  },
  { name: 'not ready and off: the finalizer goes', at: { ready: false, traffic: 'off' }, change: { finalizer: false } },
  {
    name: 'drained: nothing',
    at: { ready: false, traffic: 'off', hasFinalizer: false },
    change: undefined,
  },
  {
    name: 'ready again before traffic went: the finalizer never left',
    at: { traffic: 'off' },
    change: undefined,
  },
  {
    name: 'terminating and never announced: left alone',
    at: { ...fresh, ready: false, lives: false, traffic: 'off' },
    change: undefined,
  },
  {
    name: 'terminating and off: the finalizer goes, the key dies with the Pod',
    at: { ready: false, lives: false, traffic: 'off' },
    change: { finalizer: false },
  },
  {
    name: 'announced another finalizer (an older name): the key is put right (T89)',
    at: { announced: false },
    change: { expected: true },
  },
  {
    name: 'relabelled away with traffic still on: keeps both (T87)',
    at: { wanted: false },
    change: undefined,
    waits: true,
  },
  {
    name: 'relabelled away and off: loses key and finalizer in one write (T87)',
    at: { wanted: false, traffic: 'off' },
    change: { expected: false, finalizer: false },
  },
  {
    name: 'relabelled away before it had traffic: loses the key',
    at: { wanted: false, hasFinalizer: false, traffic: 'off' },
    change: { expected: false },
  },
  {
    name: 'relabelled away when traffic had just come on: keeps the key, by which it is known, as long',
    at: { wanted: false, hasFinalizer: false },
    change: undefined,
    waits: true,
  },
  {
    name: 'relabelled away, key already cleaned by somebody: loses the finalizer (T87)',
    at: { wanted: false, announced: false, hasKey: false, traffic: 'off' },
    change: { finalizer: false },
  },
])('plan: $name', ({ at, change, waits = false }) => {
  const standing = { ...inService, ...at };
  expect(planPod(standing)).toEqual(change);
  const after = { ...standing, hasFinalizer: change?.finalizer ?? standing.hasFinalizer };
  expect(isUnsettled(after)).toBe(waits);
});

test('a Pod stands by its conditions, finalizers and annotation', () => {
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
