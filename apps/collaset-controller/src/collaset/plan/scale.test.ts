import { type CollaSet, type Pod, TO_DELETE_LABEL, TO_EXCLUDE_LABEL } from '@kuperator/api';
import type { Given } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aMember, aSet, begun, letters, permitted } from '../../test/builders.ts';
import { membersOf } from '../ids/members.ts';
import { leavingFirst, planScale } from './scale.ts';

const NOW_MS = 1_000_000;

function plan(pods: readonly Pod[], spec: Given<CollaSet>['spec'] = {}, isServed = () => false) {
  const set = aSet(spec);
  return planScale({
    set,
    members: membersOf(set, pods),
    doubles: new Set(),
    excluded: new Set(),
    joining: 0,
    isServed,
    nowMs: NOW_MS,
  });
}

function summary(pods: readonly Pod[], spec: Given<CollaSet>['spec'] = {}) {
  const { missing, begin, cancel, delete: deleted, waiting } = plan(pods, spec);
  return {
    missing,
    begin: letters(begin),
    cancel: letters(cancel),
    delete: letters(deleted),
    waiting: letters(waiting),
  };
}

const nothing = { missing: 0, begin: '', cancel: '', delete: '', waiting: '' };
const leaving = (id: number) => aMember({ id, stages: begun('scale-in') });
const mayLeave = (id: number) => aMember({ id, stages: permitted('scale-in') });
const three = [0, 1, 2].map((id) => aMember({ id }));

describe('planScale', () => {
  test.each([
    { name: 'does nothing at the wanted number', pods: three, spec: {}, expected: nothing },
    { name: 'asks for Pods that are missing', pods: three.slice(1), spec: {}, expected: { ...nothing, missing: 1 } },
    {
      name: 'asks the highest id of equal Pods to leave (T6)',
      pods: three,
      spec: { replicas: 2 },
      expected: { ...nothing, begin: 'c' },
    },
    {
      name: 'takes unset replicas for one (T9, T103)',
      pods: three,
      spec: { replicas: undefined },
      expected: { ...nothing, begin: 'bc' },
    },
    {
      name: 'begins no more scale-ins than there are Pods (T7)',
      pods: [aMember({ id: 0 })],
      spec: { replicas: 0 },
      expected: { ...nothing, begin: 'a' },
    },
    {
      name: 'waits for permission before it deletes',
      pods: [...three, leaving(3)],
      spec: {},
      expected: { ...nothing, waiting: 'd' },
    },
    {
      name: 'deletes a Pod that is permitted to leave',
      pods: [...three, mayLeave(3)],
      spec: {},
      expected: { ...nothing, delete: 'd' },
    },
    {
      name: 'keeps the Pods whose scale-in has begun, even if others would now come first (T6)',
      pods: [leaving(0), aMember({ id: 1, ready: false }), aMember({ id: 2 })],
      spec: { replicas: 2 },
      expected: { ...nothing, waiting: 'a' },
    },
    {
      name: 'gives a leaving Pod back to service when replicas go up again (T26)',
      pods: [aMember({ id: 0 }), leaving(1), leaving(2)],
      spec: { replicas: 2 },
      expected: { ...nothing, cancel: 'b', waiting: 'c' },
    },
    {
      name: 'cancels a permitted scale-in before the Pod is deleted (T26)',
      pods: [aMember({ id: 0 }), mayLeave(1)],
      spec: { replicas: 2 },
      expected: { ...nothing, cancel: 'b' },
    },
    {
      name: 'takes a Pod out of its update to let it leave',
      pods: [aMember({ id: 0 }), aMember({ id: 1, ready: false, stages: permitted('update') })],
      spec: { replicas: 1 },
      expected: { ...nothing, begin: 'b' },
    },
    {
      name: 'begins nothing and gives back while paused',
      pods: [aMember({ id: 0, labels: { [TO_DELETE_LABEL]: '1' } }), leaving(1)],
      spec: { replicas: 0, paused: true },
      expected: { ...nothing, cancel: 'b' },
    },
  ])('$name', ({ pods, spec, expected }) => {
    expect(summary(pods, spec)).toEqual(expected);
  });

  test('recreates a Pod in podToDelete if the replicas stay the same', () => {
    const { mark, surplus, renewed, missing } = plan(three, { scaleStrategy: { podToDelete: ['web-b'] } });
    expect([letters(mark), letters(surplus), letters(renewed), missing]).toEqual(['b', '', 'b', 0]);
  });

  test('scales in the Pod in podToDelete', () => {
    const { begin, surplus, renewed } = plan(three, { replicas: 2, scaleStrategy: { podToDelete: ['web-b'] } });
    expect([letters(begin), letters(surplus), letters(renewed)]).toEqual(['b', 'b', '']);
  });

  test('leaves a surplus Pod that is marked to the coordinator, so that only one operation deletes it', () => {
    const marked = (more: object = {}) => aMember({ id: 0, labels: { [TO_DELETE_LABEL]: '1' }, ...more });
    const others = [aMember({ id: 1 })];
    expect(summary([marked(), ...others], { replicas: 1 })).toEqual({ ...nothing, waiting: 'a' });
    expect(letters(plan([marked(), ...others], { replicas: 1 }).surplus)).toBe('a');
    // If the scale-in began before the mark, the scale-in deletes the Pod.
    const leavingFirst = marked({ stages: permitted('scale-in') });
    expect(summary([leavingFirst, ...others], { replicas: 1 })).toEqual({ ...nothing, delete: 'a' });
    // If the set wants the Pod again, only the mark is left.
    expect(summary([leavingFirst, ...others], { replicas: 2 })).toEqual({ ...nothing, cancel: 'a' });
  });

  test('treats the label to-delete like podToDelete', () => {
    const pods = [aMember({ id: 0, labels: { [TO_DELETE_LABEL]: '1' } }), aMember({ id: 1 })];
    expect(letters(plan(pods, { replicas: 2 }).renewed)).toBe('a');
  });

  test('does not delete the Pod of a served name in podToDelete again', () => {
    const spec = { scaleStrategy: { podToDelete: ['web-b'] } };
    expect(letters(plan(three, spec, () => true).begin)).toBe('');
  });

  test('replaces a terminating Pod immediately with random names, and only after its end with sequence names', () => {
    const gone = aMember({ id: 2, given: { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } } });
    const pods = [aMember({ id: 0 }), aMember({ id: 1 }), withDeletion(gone)];
    expect(plan(pods).missing).toBe(1);
    expect(plan(pods, { namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' } }).missing).toBe(0);
  });

  test('with sequence names, counts a terminating Pod as the surplus', () => {
    const going = withDeletion(aMember({ id: 2, stages: permitted('scale-in') }));
    const spec = { replicas: 2, namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' as const } };
    const { surplus, begin } = plan([aMember({ id: 0 }), aMember({ id: 1 }), going], spec);
    expect([letters(surplus), letters(begin)]).toEqual(['c', '']);
  });

  test('waits for the operation delay after the permission', () => {
    const since = `${BigInt(NOW_MS - 4000) * 1_000_000n}`;
    const pods = [aMember({ id: 0, stages: permitted('scale-in', since) })];
    const {
      delete: deleted,
      waiting,
      delayMs,
    } = plan(pods, {
      replicas: 0,
      scaleStrategy: { operationDelaySeconds: 10 },
    });
    expect([letters(deleted), letters(waiting), delayMs]).toEqual(['', 'a', 6000]);
  });

  test('does not wait longer if the clock of the permission is ahead', () => {
    const since = `${BigInt(NOW_MS + 60_000) * 1_000_000n}`;
    const pods = [aMember({ id: 0, stages: permitted('scale-in', since) })];
    expect(plan(pods, { replicas: 0, scaleStrategy: { operationDelaySeconds: 10 } }).delayMs).toBe(10_000);
  });
});

describe('leavingFirst', () => {
  const ordered = [
    aMember({ id: 0, labels: { [TO_EXCLUDE_LABEL]: '1' } }),
    aMember({ id: 1, stages: begun('scale-in') }),
    aMember({ id: 2, ready: false, created: 5 }),
    aMember({ id: 3, ready: false, created: 4 }),
    aMember({ id: 4, created: 1, readySince: 9 }),
    aMember({ id: 5, created: 3, readySince: 8 }),
    aMember({ id: 6, created: 2, readySince: 8 }),
    aMember({ id: 8, created: 0, readySince: 7 }),
    aMember({ id: 7, created: 0, readySince: 7 }),
  ];

  test('sorts by marked, excluded, leaving, unready, latest ready, newest, highest id (T6)', () => {
    const marked = aMember({ id: 9 });
    const pods = [...ordered, marked].toReversed();
    expect(letters(leavingFirst(pods, new Set([marked]), new Set(ordered.slice(0, 1))))).toBe('jabcdefgih');
  });

  test('chooses the same Pods in every pass, whatever the order of the cache (T6)', () => {
    const orders = [ordered, ordered.toReversed(), ordered.toSorted(() => 0)];
    const picked = orders.map((pods) => letters(leavingFirst(pods, new Set())));
    expect(new Set(picked).size).toBe(1);
  });
});

function withDeletion(pod: Pod): Pod {
  return { ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
}
