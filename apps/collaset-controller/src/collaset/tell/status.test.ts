import { type CollaSetStatus, SERVICE_AVAILABLE_LABEL } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { aMember, aSet, begun } from '../../test/builders.ts';
import { failureText } from '../act/failure-text.ts';
import { membersOf } from '../ids/members.ts';
import { nextAvailableInMs } from '../plan/availability.ts';
import { type ConditionUpdate, conditionsWith, failed, succeeded } from './conditions.ts';
import { healthConditions, type Stand } from './health.ts';
import { deadlineInMs, progressOf } from './progress.ts';
import { statusChange, statusOf } from './status.ts';

const NOW = '2026-01-01T01:00:00Z';
type Pods = Parameters<typeof membersOf>[1];

function status(
  pods: Pods,
  { spec = {}, previous = {}, known = (_: string): boolean => true, conditions = [] as ConditionUpdate[] } = {},
): CollaSetStatus {
  const set = aSet({ replicas: 3, ...spec }, { status: previous, metadata: { generation: 7 } });
  return statusOf({
    set,
    members: membersOf(set, pods),
    updatedRevision: 'web-2',
    isKnownRevision: known,
    collisionCount: 0,
    conditions,
    now: NOW,
  });
}

const terminating = (id: number) => aMember({ id, given: { metadata: {} } });
const gone = (pod: Pods[number]) => ({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: NOW } });

describe('statusOf', () => {
  const pods = [
    aMember({ id: 0, revision: 'web-2' }),
    aMember({ id: 1, revision: 'web-2', ready: false, labels: { [SERVICE_AVAILABLE_LABEL]: '' } }),
    aMember({ id: 2, revision: 'web-0', stages: begun('update') }),
    gone(terminating(3)),
    aMember({ id: 4, given: { status: { phase: 'Failed' } } }),
  ];

  test('counts active Pods, by their label as available, over three revisions (T9b, T67)', () => {
    expect(status(pods)).toMatchObject({
      observedGeneration: 7,
      replicas: 3,
      scheduledReplicas: 3,
      readyReplicas: 2,
      availableReplicas: 2,
      updatedReplicas: 2,
      updatedReadyReplicas: 1,
      updatedAvailableReplicas: 2,
      operatingReplicas: 1,
      terminatingReplicas: 1,
      updatedRevision: 'web-2',
      collisionCount: 0,
      selector: 'app=web',
    });
  });

  test('with sequence names, counts every Pod that occupies a name', () => {
    const spec = { namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' } };
    expect(status(pods, { spec })).toMatchObject({ replicas: 5, terminatingReplicas: 1 });
  });

  test.each(['update', 'scale-in'])('with sequence names, counts a Pod that terminates by %s as operating', (type) => {
    const spec = { namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' } };
    const leaving = gone(aMember({ id: 0, stages: begun(type) }));
    expect(status([leaving], { spec })).toMatchObject({ operatingReplicas: 1, terminatingReplicas: 1 });
    expect(status([leaving])).toMatchObject({ operatingReplicas: 0, terminatingReplicas: 1 });
  });

  test.each([
    { name: 'stays while updated Pods are not ready (T58)', pods, previous: 'web-1', current: 'web-1' },
    {
      name: 'changes when all Pods are updated and ready (T58)',
      pods: [0, 1, 2].map((id) => aMember({ id, revision: 'web-2' })),
      previous: 'web-1',
      current: 'web-2',
    },
    { name: 'is the updated one at first', pods: [], previous: undefined, current: 'web-2' },
    { name: 'moves when its revision is gone', pods: [], previous: 'lost', current: 'web-2' },
  ])('currentRevision $name', ({ pods, previous, current }) => {
    const known = (name: string) => name !== 'lost';
    expect(status(pods, { previous: previous ? { currentRevision: previous } : {}, known }).currentRevision).toBe(
      current,
    );
  });

  test('updates currentRevision with 0 replicas (T58)', () => {
    expect(status([], { spec: { replicas: 0 }, previous: { currentRevision: 'web-1' } }).currentRevision).toBe('web-2');
  });
});

describe('availability', () => {
  const since = (minutes: number) => aMember({ id: 0, readySince: minutes });

  test.each([
    { name: 'without minReadySeconds at once', spec: {}, pod: since(60), available: 1 },
    { name: 'not before minReadySeconds', spec: { minReadySeconds: 30 }, pod: since(60), available: 0 },
    { name: 'after minReadySeconds', spec: { minReadySeconds: 30 }, pod: since(59), available: 1 },
    {
      name: 'never while out of service',
      spec: { minReadySeconds: 30 },
      pod: aMember({ id: 0, readySince: 1, stages: begun('update') }),
      available: 0,
    },
  ])('$name', ({ spec, pod, available }) => {
    expect(status([pod], { spec }).availableReplicas).toBe(available);
  });

  test('computes when the next Pod becomes available, up to a second late and never early', () => {
    const set = aSet({ minReadySeconds: 30 });
    expect(nextAvailableInMs(set, [since(59), since(60)], Date.parse(NOW))).toBe(31_000);
    expect(nextAvailableInMs(aSet(), [since(60)], Date.parse(NOW))).toBeUndefined();
  });
});

describe('health', () => {
  const counts = { replicas: 3, availableReplicas: 2, updatedReplicas: 1 };
  const short = (stand: Stand) =>
    healthConditions(aSet(), counts, stand).map(({ type, status, reason }) => `${type}=${status} ${reason}`);

  test.each<{ name: string; stand: Stand; said: string[] }>([
    {
      name: 'complete',
      stand: { at: 'complete' },
      said: ['Progressing=True Complete', 'Reconciling=False Complete', 'Stalled=False NotStalled'],
    },
    {
      name: 'under way',
      stand: { at: 'under-way', cause: '' },
      said: ['Progressing=True InProgress', 'Reconciling=True InProgress', 'Stalled=False NotStalled'],
    },
    {
      name: 'paused with work to do',
      stand: { at: 'paused', isPending: true, cause: '' },
      said: ['Progressing=Unknown Paused', 'Reconciling=True Paused', 'Stalled=False NotStalled'],
    },
    {
      name: 'paused with nothing to do',
      stand: { at: 'paused', isPending: false, cause: '' },
      said: ['Progressing=Unknown Paused', 'Reconciling=False Complete', 'Stalled=False NotStalled'],
    },
    {
      name: 'overdue',
      stand: { at: 'overdue', cause: '' },
      said: [
        'Progressing=False ProgressDeadlineExceeded',
        'Reconciling=False NotInProgress',
        'Stalled=True ProgressDeadlineExceeded',
      ],
    },
    {
      name: 'refused',
      stand: { at: 'refused', reason: 'UpdateFailed', message: '' },
      said: ['Progressing=False UpdateFailed', 'Reconciling=False NotInProgress', 'Stalled=True UpdateFailed'],
    },
  ])('$name: at most one of Reconciling and Stalled is True', ({ stand, said }) => {
    expect(short(stand)).toEqual(['Available=False ReplicasUnavailable', ...said]);
  });

  test('a set that is being deleted is not available, even with all its Pods', () => {
    const none = { replicas: 0, availableReplicas: 0, updatedReplicas: 0 };
    const [available] = healthConditions(aSet({ replicas: 0 }), none, { at: 'terminating', cause: '' });
    expect(available).toMatchObject({ status: 'False', reason: 'Terminating' });
  });
});

describe('progress', () => {
  const set = (more: object = {}) => aSet({ progressDeadlineSeconds: 60, ...more }, { metadata: { generation: 7 } });
  const first = progressOf(set(), undefined, { isComplete: false, remaining: 4, nowMs: 0 });

  test.each([
    { name: 'a step nearer', remaining: 3, nowMs: 50_000, leftMs: 60_000 },
    { name: 'no nearer', remaining: 4, nowMs: 50_000, leftMs: 10_000 },
    { name: 'a step back', remaining: 6, nowMs: 70_000, leftMs: -10_000 },
  ])('$name leaves $leftMs ms', ({ remaining, nowMs, leftMs }) => {
    const next = progressOf(set(), first, { isComplete: false, remaining, nowMs });
    expect(next && deadlineInMs(set(), next, nowMs)).toBe(leftMs);
  });

  test('starts again for a new generation, and is undefined for a complete or paused set', () => {
    const other = aSet({}, { metadata: { generation: 8 } });
    const state = { isComplete: false, remaining: 9, nowMs: 1000 };
    expect(progressOf(other, first, state)).toEqual({ generation: 8, remaining: 9, sinceMs: 1000 });
    expect(progressOf(set(), first, { ...state, isComplete: true })).toBeUndefined();
    expect(progressOf(set({ paused: true }), first, state)).toBeUndefined();
  });

  test('keeps a reported deadline after a restart', () => {
    const said = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', observedGeneration: 7 };
    const stalled = { ...set(), status: { conditions: [said] } } as never;
    const next = progressOf(stalled, undefined, { isComplete: false, remaining: 4, nowMs: 5 });
    expect(next && deadlineInMs(set(), next, 5)).toBeLessThanOrEqual(0);
  });

  test('has a deadline of ten minutes by default, as a Deployment', () => {
    expect(first && deadlineInMs(aSet(), first, 0)).toBe(600_000);
  });
});

describe('conditions', () => {
  const set = (conditions: object[]) => aSet({}, { status: { conditions } as never });
  const old = '2026-01-01T00:00:00Z';

  test('keep their order, and their transition time while the status stays (T65)', () => {
    const before = [
      { type: 'Update', status: 'True', reason: 'Updated', message: '', lastTransitionTime: old },
      { type: 'Scale', status: 'True', reason: 'Scaled', message: '', lastTransitionTime: old },
    ];
    const after = conditionsWith(
      set(before),
      [failed('Update', 'UpdateFailed', [new Error('x')]), succeeded('Scale')],
      NOW,
    );
    expect(after).toMatchObject([
      { type: 'Scale', status: 'True', lastTransitionTime: old },
      { type: 'Update', status: 'False', reason: 'UpdateFailed', message: 'x', lastTransitionTime: NOW },
    ]);
  });

  test('report each distinct failure once, with its cause', () => {
    const cause = new Error('quota');
    const failures = [new Error('a', { cause }), new Error('a', { cause }), new AggregateError([new Error('b')])];
    expect(failureText(failures)).toBe('a: quota; b');
  });
});

describe('statusChange', () => {
  const base = status([aMember({ id: 0 })], { conditions: [succeeded('Scale')] });

  test.each([
    { name: 'nothing', after: base, change: 'none' },
    { name: 'a count', after: { ...base, readyReplicas: 9 }, change: 'figures' },
    {
      name: 'the text of a condition',
      after: { ...base, conditions: [{ ...base.conditions?.[0], message: 'm' }] },
      change: 'texts',
    },
    { name: 'a generation', after: { ...base, observedGeneration: 8 }, change: 'news' },
    { name: 'a revision', after: { ...base, currentRevision: 'web-9' }, change: 'news' },
    {
      name: 'the reason of a condition',
      after: { ...base, conditions: [{ ...base.conditions?.[0], reason: 'R' }] },
      change: 'conditions',
    },
  ])('$name: $change', ({ after, change }) => {
    expect(statusChange(base, after as CollaSetStatus)).toBe(change);
  });

  test('treats a missing count as 0', () => {
    const { terminatingReplicas: _, ...without } = base;
    expect(statusChange(without, base)).toBe('none');
  });
});
