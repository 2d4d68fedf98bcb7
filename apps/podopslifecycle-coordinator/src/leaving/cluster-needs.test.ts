import { CLUSTER_NEEDS_ANNOTATION, type Pod, TO_DELETE_LABEL } from '@kuperator/api';
import { expect, test } from 'vitest';
import { aServingPod, NOW_MS, nanosAt } from '../test/leaving-pods.ts';
import { clusterNeedNote, isForCluster, neededSinceMs } from './cluster-needs.ts';

const marked = { [TO_DELETE_LABEL]: '1' };
const noted = (ms: number) => ({ [CLUSTER_NEEDS_ANNOTATION]: nanosAt(ms) });

type Disruption = { metadata?: Pod['metadata']; status?: 'True' | 'False' };

function disrupted(reason: string, ms: number, { metadata = {}, status = 'True' }: Disruption = {}): Pod {
  const pod = aServingPod({ metadata });
  const condition = { type: 'DisruptionTarget', status, reason, lastTransitionTime: new Date(ms).toISOString() };
  return { ...pod, status: { ...pod.status, conditions: [...(pod.status?.conditions ?? []), condition] } };
}

test.each([
  { user: 'system:kube-scheduler', pod: aServingPod(), is: true },
  { user: 'system:serviceaccount:kube-system:node-controller', pod: aServingPod(), is: true },
  // If all controllers have one identity, the condition distinguishes the taint manager from the others.
  { user: 'system:kube-controller-manager', pod: disrupted('DeletionByTaintManager', NOW_MS), is: true },
  { user: 'system:kube-controller-manager', pod: aServingPod(), is: false },
  { user: 'system:serviceaccount:kube-system:replicaset-controller', pod: aServingPod(), is: false },
  { user: 'system:serviceaccount:tenant:node-controller', pod: aServingPod(), is: false },
  { user: 'jane', pod: disrupted('DeletionByTaintManager', NOW_MS), is: false },
])('a deletion by $user is for the needs of the cluster: $is', ({ user, pod, is }) => {
  expect(isForCluster(user, pod)).toBe(is);
});

test.each([
  { name: 'nothing', pod: aServingPod({ metadata: { labels: marked } }), since: undefined },
  {
    name: 'the annotation of a marked Pod',
    pod: aServingPod({ metadata: { labels: marked, annotations: noted(5000) } }),
    since: 5000,
  },
  {
    name: 'an annotation without the mark',
    pod: aServingPod({ metadata: { annotations: noted(5000) } }),
    since: undefined,
  },
  { name: 'the condition alone', pod: disrupted('PreemptionByScheduler', 5000), since: 5000 },
  {
    name: 'a condition that is False again',
    pod: disrupted('PreemptionByScheduler', 5000, { status: 'False' }),
    since: undefined,
  },
  { name: 'a condition of the eviction API', pod: disrupted('EvictionByEvictionAPI', 5000), since: undefined },
  {
    name: 'the condition, although the annotation was written again later',
    pod: disrupted('DeletionByTaintManager', 5000, { metadata: { labels: marked, annotations: noted(9000) } }),
    since: 5000,
  },
])('counts from $name: $since', ({ pod, since }) => {
  expect(neededSinceMs(pod)).toBe(since);
});

test('only the first request is recorded, and a time in the future does not delay the deletion', () => {
  const at = (ms: number) => aServingPod({ metadata: { annotations: noted(ms) } });
  expect(clusterNeedNote(aServingPod(), nanosAt(NOW_MS))).toEqual(noted(NOW_MS));
  expect(clusterNeedNote(at(NOW_MS - 600_000), nanosAt(NOW_MS))).toBeUndefined();
  expect(clusterNeedNote(at(NOW_MS + 600_000), nanosAt(NOW_MS))).toEqual(noted(NOW_MS));
});
