import { leastInTraffic, touchedInTraffic } from '@kuperator/observer';
import { expect, test } from 'vitest';
import { DEADLINE_MS, lifecycleLabels } from './application.ts';
import { OWNERS, type OwnedPods } from './owned-pods.ts';
import { stage } from './stage.ts';

const on = stage();

/** At least one Pod was deleted, and none while it had traffic. */
function expectDrainedFirst({ observer }: OwnedPods, atLeast = 1): void {
  const sighting = observer.sighting();
  const deleted = sighting.touches.filter(({ what }) => what === 'deleted');
  expect(deleted.length).toBeGreaterThanOrEqual(atLeast);
  expect(touchedInTraffic(sighting)).toEqual([]);
}

test.each(
  OWNERS,
)('kubectl delete pod of %s takes the Pod out of traffic first and shows no error (T86)', async (owner) => {
  const pods = await on.deployOwned({ namespace: `delete-${owner.toLowerCase()}`, owner, replicas: 2 });
  const [name = ''] = pods.names();
  const uidsBefore = pods.uids();
  expect(await pods.kubectl('delete', 'pod', name)).toContain('deleted');
  if (owner === 'nobody') await pods.serve(1);
  else {
    await pods.observer.until('another Pod', () => !pods.uids().isSubsetOf(uidsBefore), DEADLINE_MS);
    await pods.serve(2);
  }
  expectDrainedFirst(pods);
});

test('kubectl drain keeps the PodDisruptionBudget and evicts no Pod that still has traffic', async () => {
  const pods = await on.deployOwned({ namespace: 'drain', owner: 'Deployment', replicas: 6, minAvailable: 5 });
  const node = pods.pods()[0]?.spec.nodeName ?? '';
  const there = pods.pods().filter((pod) => pod.spec.nodeName === node).length;
  await on.cluster.kubectl(['drain', node, '--ignore-daemonsets', '--force', '--timeout=120s']);
  await pods.serve(6);
  expectDrainedFirst(pods, there);
  expect(leastInTraffic(pods.observer.sighting())).toBeGreaterThanOrEqual(5);
  await on.cluster.kubectl(['uncordon', node]);
});

test('kubectl drain evicts the only Pod if its PodDisruptionBudget requires no healthy Pod', async () => {
  const pods = await on.deployOwned({ namespace: 'drain-single', owner: 'Deployment', replicas: 1, minAvailable: 0 });
  const node = pods.pods()[0]?.spec.nodeName ?? '';
  await on.cluster.kubectl(['drain', node, '--ignore-daemonsets', '--force', '--timeout=120s']);
  await pods.serve(1);
  expectDrainedFirst(pods);
  await on.cluster.kubectl(['uncordon', node]);
});

test.each([
  { name: 'drains each Pod', namespace: 'collection' },
  { name: 'keeps the budget', namespace: 'collection-rule', maxUnavailable: 3 },
])('one request that deletes more Pods than a client has retries $name', async ({ namespace, name: _, ...rule }) => {
  const pods = await on.deployOwned({ namespace, owner: 'Deployment', replicas: 12, ...rule });
  const uidsBefore = pods.uids();
  // kubectl does not retry the raw request, so any refusal would be an error.
  await pods.kubectl('delete', '--raw', `/api/v1/namespaces/${namespace}/pods?labelSelector=app%3Dweb`);
  await pods.observer.until('none of them is left', () => pods.uids().isDisjointFrom(uidsBefore), DEADLINE_MS);
  await pods.serve(12);
  expectDrainedFirst(pods, 12);
  if (rule.maxUnavailable) expect(leastInTraffic(pods.observer.sighting())).toBeGreaterThanOrEqual(9);
});

test('deletes keep the budget of a PodTransitionRule', async () => {
  const pods = await on.deployOwned({ namespace: 'rule', owner: 'StatefulSet', replicas: 3, maxUnavailable: 1 });
  const names = pods.names();
  // Each kubectl is a separate client, and all send their requests at the same time.
  await Promise.all(names.map((name) => pods.kubectl('delete', 'pod', name)));
  await pods.serve(3);
  expectDrainedFirst(pods, 3);
  expect(leastInTraffic(pods.observer.sighting())).toBe(2);
});

test('a namespace is deleted although no rule lets its Pods go', async () => {
  const pods = await on.deployOwned({ namespace: 'ends', owner: 'Deployment', replicas: 2, maxUnavailable: 0 });
  await on.cluster.kubectl(['delete', 'namespace', 'ends', '--timeout=120s']);
  expect(pods.pods()).toEqual([]);
});

test('a dry run changes nothing (T97)', async () => {
  const pods = await on.deployOwned({ namespace: 'dry-run', owner: 'nobody', replicas: 1 });
  await pods.observer.untilQuiet(1000, DEADLINE_MS);
  const [before] = pods.pods();
  await pods.kubectl('delete', 'pod', 'web-0', '--dry-run=server');
  const now = JSON.parse(await pods.kubectl('get', 'pod', 'web-0', '--output=json'));
  expect(now.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
});

test('a Pod whose to-delete mark is removed goes back into service', async () => {
  const pods = await on.deployOwned({ namespace: 'undo', owner: 'nobody', replicas: 2, maxUnavailable: 0 });
  const mark = 'collaset.kusionstack.io/to-delete';
  await pods.kubectl('label', 'pod', 'web-0', `${mark}=1`);
  const marked = () => pods.pods().find(({ metadata }) => metadata.name === 'web-0');
  const isBegun = () => lifecycleLabels(marked() ?? { spec: { containers: [] }, metadata: {} }).length > 0;
  await pods.observer.until('its deletion has begun', isBegun, DEADLINE_MS);
  await pods.kubectl('label', 'pod', 'web-0', `${mark}-`);
  await pods.observer.until('nothing of it is left', () => !isBegun(), DEADLINE_MS);
  await pods.serve(2);
  expect(pods.observer.sighting().touches).toEqual([]);
});

test('while no coordinator runs, deletes and evictions go through at once', async () => {
  const pods = await on.deployOwned({ namespace: 'alone', owner: 'Deployment', replicas: 2 });
  const [name = ''] = pods.names();
  await on.cluster.stop('podopslifecycle-coordinator', 'SIGKILL');
  try {
    await pods.kubectl('delete', 'pod', name, '--timeout=60s');
  } finally {
    await on.cluster.start('podopslifecycle-coordinator');
  }
  await pods.serve(2);
});
