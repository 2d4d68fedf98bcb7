// Deletions by Kubernetes itself: the scheduler and the controller-manager do not know Kuperator.

import { leastInTraffic, touchedInTraffic } from '@kuperator/observer';
import { expect, test } from 'vitest';
import { DEADLINE_MS, lifecycleLabels } from './application.ts';
import type { OwnedPods } from './owned-pods.ts';
import { stage } from './stage.ts';

const on = stage({ nodes: 4 });

const RULE = 'podtransitionrule/web';

/** The reason that Kubernetes gives for the deletion of each Pod, by uid. */
function disruptions({ observer }: OwnedPods): ReadonlyMap<string, string> {
  const reasons = observer.sighting().pods.flatMap(({ pod }) => {
    const { reason } = pod.status?.conditions?.find(({ type }) => type === 'DisruptionTarget') ?? {};
    return reason ? [[pod.metadata.uid ?? '', reason] as const] : [];
  });
  return new Map(reasons);
}

function expectDrainedFirst({ observer }: OwnedPods, count: number): void {
  const { touches } = observer.sighting();
  expect(touches.filter(({ what }) => what === 'deleted')).toHaveLength(count);
  expect(touchedInTraffic(observer.sighting())).toEqual([]);
}

const isBeingAsked = (pods: OwnedPods) => pods.pods().some((pod) => lifecycleLabels(pod).length > 0);

/** Two Pods fill a node. `urgent-<namespace>` has a higher priority and needs the room of one of them. */
async function deployPreempted(namespace: string, node: string, maxUnavailable?: number): Promise<OwnedPods> {
  const sized = (cpu: string) => ({
    nodeSelector: { 'kubernetes.io/hostname': node },
    containers: [{ name: 'web', image: 'web:v1', ports: [{ containerPort: 8080 }], resources: { requests: { cpu } } }],
  });
  const podSpec = sized('2000');
  const owned = { namespace, owner: 'nobody', replicas: 2, podSpec } as const;
  const pods = await on.deployOwned(maxUnavailable === undefined ? owned : { ...owned, maxUnavailable });
  const priority = {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: namespace },
    value: 1000,
  };
  await on.cluster.kubectl(['create', '--filename=-'], JSON.stringify(priority));
  const urgent = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `urgent-${namespace}`, namespace: 'default' },
    spec: { ...sized('1500'), priorityClassName: namespace },
  };
  await on.cluster.kubectl(['create', '--filename=-'], JSON.stringify(urgent));
  return pods;
}

async function untilScheduled(name: string): Promise<void> {
  const seconds = DEADLINE_MS / 1000;
  await on.cluster.kubectl(['wait', `pod/${name}`, '--for=condition=PodScheduled', `--timeout=${seconds}s`]);
}

test('a Pod that is preempted is taken out of traffic first, then the urgent Pod gets its room', async () => {
  const pods = await deployPreempted('preempted', 'node-0');
  await untilScheduled('urgent-preempted');
  await pods.serve(1);
  expectDrainedFirst(pods, 1);
  expect([...disruptions(pods).values()]).toEqual(['PreemptionByScheduler']);
});

test('preemption waits for the rules, and continues once they agree', async () => {
  const pods = await deployPreempted('preempted-later', 'node-1', 0);
  await pods.observer.until('a Pod is being asked to leave', () => isBeingAsked(pods), DEADLINE_MS);
  expect(leastInTraffic(pods.observer.sighting())).toBe(2);
  await pods.kubectl('delete', RULE);
  await untilScheduled('urgent-preempted-later');
  await pods.serve(1);
  expectDrainedFirst(pods, 1);
});

test('a NoExecute taint takes the Pods of its node out of traffic before it deletes them', async () => {
  const pods = await on.deployOwned({ namespace: 'tainted', owner: 'Deployment', replicas: 8 });
  const node = pods.pods()[0]?.spec.nodeName ?? '';
  const there = pods.pods().filter(({ spec }) => spec.nodeName === node);
  const uids = new Set(there.map(({ metadata }) => metadata.uid ?? ''));
  await on.cluster.kubectl(['taint', 'node', node, 'broken=yes:NoExecute']);
  await pods.observer.until('none of them is left', () => pods.uids().isDisjointFrom(uids), DEADLINE_MS);
  await pods.serve(8);
  expectDrainedFirst(pods, there.length);
  const reasons = disruptions(pods);
  expect([...uids].map((uid) => reasons.get(uid))).toEqual(there.map(() => 'DeletionByTaintManager'));
  await on.cluster.kubectl(['taint', 'node', node, 'broken-']);
});

test('a NoExecute taint keeps the budget of a PodTransitionRule', async () => {
  const node = 'node-3';
  const podSpec = { nodeSelector: { 'kubernetes.io/hostname': node } };
  const owned = { namespace: 'tainted-rule', owner: 'nobody', replicas: 3, maxUnavailable: 1, podSpec } as const;
  const pods = await on.deployOwned(owned);
  await on.cluster.kubectl(['taint', 'node', node, 'broken=yes:NoExecute']);
  await pods.observer.until('none of them is left', () => pods.pods().length === 0, DEADLINE_MS);
  expectDrainedFirst(pods, 3);
  await on.cluster.kubectl(['taint', 'node', node, 'broken-']);
});

test('Pods of a node that no longer exists are deleted at once, without an operation, whatever the rules say', async () => {
  const pods = await on.deployOwned({ namespace: 'orphaned', owner: 'Deployment', replicas: 4, maxUnavailable: 0 });
  const node = 'node-2';
  const orphans = pods.pods().filter(({ spec }) => spec.nodeName === node);
  expect(orphans.length).toBeGreaterThan(0);
  const uids = new Set(orphans.map(({ metadata }) => metadata.uid ?? ''));
  await on.cluster.kubectl(['delete', 'node', node]);
  // PodGC waits 40 s for the node to come back.
  await pods.observer.until('none of them is left', () => pods.uids().isDisjointFrom(uids), DEADLINE_MS);
  await pods.serve(4);
  const seen = pods.observer.sighting().pods.filter(({ pod }) => uids.has(pod.metadata.uid ?? ''));
  expect(seen.flatMap(({ pod }) => lifecycleLabels(pod))).toEqual([]);
  expect(new Set(disruptions(pods).values())).toEqual(new Set(['DeletionByPodGC']));
});
