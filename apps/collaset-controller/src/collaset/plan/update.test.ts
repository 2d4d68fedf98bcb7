import type { CollaSet } from '@kuperator/api';
import { LAST_POD_STATUS_ANNOTATION, type Pod, UPDATE_INCLUDED_LABEL } from '@kuperator/api';
import type { Given } from '@kuperator/testing';
import { describe, expect, test } from 'vitest';
import { aMember, aRevision, aSet, begun, letters, permitted } from '../../test/builders.ts';
import { planUpdate } from './update.ts';
import type { Placeholder } from './update-scope.ts';

const template = (image: string, more: object = {}) => ({ spec: { containers: [{ name: 'app', image, ...more }] } });
const v1 = aRevision('web-1', { template: template('app:v1') });
const v2 = aRevision('web-2', { template: template('app:v2') });
const env = aRevision('web-3', { template: template('app:v2', { env: [{ name: 'A', value: '1' }] }) });
const revisions = new Map([v1, v2, env].map((revision) => [revision.name, revision]));

type Target = { updated?: typeof v2; placeholders?: readonly Placeholder[] };

function plan(
  pods: readonly Pod[],
  spec: Given<CollaSet>['spec'] = {},
  { updated = v2, placeholders = [] }: Target = {},
) {
  return planUpdate({ set: aSet(spec), pods, renewed: new Set(), placeholders, updated, revisions, nowMs: 1_000_000 });
}

function summary(pods: readonly Pod[], spec: Given<CollaSet>['spec'] = {}, updated = v2) {
  const { begin, cancel, change, recreate, finish, unfinished, waiting, blocked } = plan(pods, spec, { updated });
  const names = (items: readonly { pod: Pod }[]) => letters(items.map(({ pod }) => pod));
  return Object.fromEntries(
    Object.entries({
      begin: names(begin),
      cancel: letters(cancel),
      change: names(change),
      recreate: letters(recreate),
      finish: letters(finish),
      unfinished: names(unfinished),
      waiting: letters(waiting),
      blocked: names(blocked),
    }).filter(([, value]) => value !== ''),
  );
}

const partition = (value: number | undefined) => ({
  updateStrategy: { rollingUpdate: { byPartition: { partition: value } } },
});
const policy = (podUpgradePolicy: 'Recreate' | 'InPlaceOnly' | 'Replace') => ({ updateStrategy: { podUpgradePolicy } });
const three = [0, 1, 2].map((id) => aMember({ id }));
const changed = {
  [LAST_POD_STATUS_ANNOTATION]: JSON.stringify({
    containerStates: { app: { latestImage: 'app:v2', lastImageID: 'sha256:app:v1' } },
  }),
};
const followed = {
  spec: { containers: [{ name: 'app', image: 'app:v2' }] },
  status: {
    containerStatuses: [{ name: 'app', image: 'app:v2', imageID: 'sha256:app:v2', ready: true, restartCount: 1 }],
  },
};
const behind = {
  spec: { containers: [{ name: 'app', image: 'app:v2' }] },
  status: {
    containerStatuses: [{ name: 'app', image: 'app:v1', imageID: 'sha256:app:v1', ready: true, restartCount: 0 }],
  },
};

describe('planUpdate', () => {
  test.each([
    { name: 'begins every Pod without a partition (T1)', pods: three, spec: {}, expected: { begin: 'abc' } },
    {
      name: 'updates every Pod if byPartition is empty (T4)',
      pods: three,
      spec: { updateStrategy: { rollingUpdate: { byPartition: {} } } },
      expected: { begin: 'abc' },
    },
    {
      name: 'updates every Pod if rollingUpdate is empty (T4)',
      pods: three,
      spec: { updateStrategy: { rollingUpdate: {} } },
      expected: { begin: 'abc' },
    },
    {
      name: 'keeps as many Pods as the partition at the old revision (T1)',
      pods: three,
      spec: partition(2),
      expected: { begin: 'c' },
    },
    { name: 'updates none with a partition of all replicas (T1)', pods: three, spec: partition(3), expected: {} },
    {
      name: 'updates no Pod if the partition exceeds the replicas (T1)',
      pods: three,
      spec: partition(9),
      expected: {},
    },
    {
      name: 'subtracts the partition from the replicas, not from the number of Pods (T2)',
      pods: three.slice(0, 2),
      spec: { replicas: 3, ...partition(1) },
      expected: { begin: 'ab' },
    },
    {
      name: 'accepts more replicas than Pods (T3)',
      pods: three.slice(0, 1),
      spec: { replicas: 10, ...partition(1) },
      expected: { begin: 'a' },
    },
    {
      name: 'treats unset replicas as one (T9, T103)',
      pods: three,
      spec: { replicas: undefined, ...partition(1) },
      expected: {},
    },
    {
      name: 'updates a Pod that is not ready before ready ones (T5)',
      pods: [aMember({ id: 0 }), aMember({ id: 1, ready: false }), aMember({ id: 2 })],
      spec: partition(2),
      expected: { begin: 'b' },
    },
    {
      name: 'does not roll back Pods if the partition is raised (T9b)',
      pods: [aMember({ id: 0 }), aMember({ id: 1, revision: 'web-2' }), aMember({ id: 2, revision: 'web-2' })],
      spec: partition(2),
      expected: {},
    },
    {
      name: 'keeps its choice while under way',
      pods: [aMember({ id: 0, stages: begun('update') }), aMember({ id: 1, ready: false }), aMember({ id: 2 })],
      spec: partition(2),
      expected: { waiting: 'a' },
    },
    {
      name: 'returns unchanged Pods to service if they fall out of the partition, even if permitted (T16)',
      pods: [
        aMember({ id: 0, stages: begun('update') }),
        aMember({ id: 1, stages: permitted('update') }),
        aMember({ id: 2, revision: 'web-2' }),
      ],
      spec: partition(2),
      expected: { cancel: 'ab' },
    },
    {
      name: 'sees a changed Pod through although it fell out of the partition',
      pods: [aMember({ id: 0, revision: 'web-2', stages: permitted('update'), annotations: changed, given: followed })],
      spec: { replicas: 1, ...partition(1) },
      expected: { finish: 'a' },
    },
    {
      name: 'changes a permitted Pod in place',
      pods: [aMember({ id: 0, stages: permitted('update') })],
      spec: {},
      expected: { change: 'a' },
    },
    {
      name: 'deletes a permitted Pod under Recreate',
      pods: [aMember({ id: 0, stages: permitted('update') })],
      spec: policy('Recreate'),
      expected: { recreate: 'a' },
    },
    {
      name: 'waits for the kubelet',
      pods: [aMember({ id: 0, revision: 'web-2', stages: permitted('update'), annotations: changed, given: behind })],
      spec: {},
      expected: { unfinished: 'a' },
    },
    {
      name: 'finishes what the kubelet followed',
      pods: [aMember({ id: 0, revision: 'web-2', stages: permitted('update'), annotations: changed, given: followed })],
      spec: {},
      expected: { finish: 'a' },
    },
    {
      name: 'cancels when the spec was rolled back before the change (T16)',
      pods: [aMember({ id: 0, revision: 'web-2', stages: permitted('update') })],
      spec: {},
      expected: { cancel: 'a' },
    },
    {
      name: 'begins a new operation while labels of the last one are left (T15)',
      pods: [aMember({ id: 0, stages: { operated: '1', 'done-operation-type': 'update', 'post-check': '1' } })],
      spec: {},
      expected: { begin: 'a' },
    },
    {
      name: 'updates none while paused, and gives back what is not changed',
      pods: [aMember({ id: 0 }), aMember({ id: 1, stages: begun('update') })],
      spec: { paused: true },
      expected: { cancel: 'b' },
    },
    { name: 'does nothing in place of Replace', pods: three, spec: policy('Replace'), expected: {} },
    {
      name: 'updates labelled Pods only, by label',
      pods: [aMember({ id: 0 }), aMember({ id: 1, labels: { [UPDATE_INCLUDED_LABEL]: '' } })],
      spec: { updateStrategy: { rollingUpdate: { byLabel: {}, byPartition: { partition: 0 } } } },
      expected: { begin: 'b' },
    },
    {
      name: 'recreates a Pod of an unknown revision',
      pods: [aMember({ id: 0, revision: 'gone', stages: permitted('update') })],
      spec: {},
      expected: { recreate: 'a' },
    },
  ])('$name', ({ pods, spec, expected }) => {
    expect(summary(pods, spec)).toEqual(expected);
  });

  test('updates to the newest revision if the permission comes late', () => {
    const pods = [aMember({ id: 0, stages: permitted('update') })];
    expect(summary(pods, {}, env)).toEqual({ recreate: 'a' });
  });

  test('changes a Pod again while the kubelet still works on an earlier revision', () => {
    const pods = [aMember({ id: 0, revision: 'web-1', stages: permitted('update'), annotations: changed })];
    expect(summary(pods)).toEqual({ change: 'a' });
  });

  test('with InPlaceOnly, gives the reason and recreates no Pod', () => {
    const { blocked, begin, pending } = plan(three, policy('InPlaceOnly'), { updated: env });
    expect(blocked.map(({ reason }) => reason)).toEqual(Array(3).fill('spec.containers[0].env differs'));
    expect([begin.length, pending.size]).toEqual([0, 0]);
  });

  test('with InPlaceOnly, returns a Pod to service if the new template is not possible in place', () => {
    expect(summary([aMember({ id: 0, stages: begun('update') })], policy('InPlaceOnly'), env)).toEqual({
      cancel: 'a',
      blocked: 'a',
    });
  });

  test('counts ids without a Pod, so that 3 to 10 replicas with partition 8 update exactly 2', () => {
    const placeholders = [3, 4, 5, 6, 7, 8, 9].map((id) => ({ id, revision: id >= 8 ? 'web-2' : 'web-1' }));
    const { begin, placeholders: updated } = plan(three, { replicas: 10, ...partition(8) }, { placeholders });
    expect([begin.length, [...updated]]).toEqual([0, [9, 8]]);
  });

  test('updates Pods before ids without a Pod', () => {
    const { begin, placeholders } = plan(
      three,
      { replicas: 4, ...partition(1) },
      { placeholders: [{ id: 3, revision: 'web-1' }] },
    );
    expect([begin.length, placeholders.size]).toEqual([3, 0]);
  });

  test('does not update a Pod that is deleted for another reason', () => {
    const [pod] = three;
    const input = {
      set: aSet(),
      pods: three,
      renewed: new Set(pod ? [pod] : []),
      placeholders: [],
      updated: v2,
      revisions,
      nowMs: 0,
    };
    expect(letters(planUpdate(input).begin.map(({ pod }) => pod))).toBe('bc');
  });

  test('waits for the operation delay before the change', () => {
    const since = `${BigInt(1_000_000 - 3000) * 1_000_000n}`;
    const { change, delayMs } = plan([aMember({ id: 0, stages: permitted('update', since) })], {
      updateStrategy: { operationDelaySeconds: 10 },
    });
    expect([change.length, delayMs]).toEqual([0, 7000]);
  });
});
