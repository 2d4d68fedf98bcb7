// Lists whose names are removed when their request is done, with the permissions of the operator's chart.
import { COLLA_SETS, controllerOf, ORPHANED_LABEL, PERSISTENT_VOLUME_CLAIMS, PODS } from '@kuperator/api';
import { type Cluster, startCluster } from '@kuperator/cluster';
import { createKubeClient, type KubeClient } from '@kuperator/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../test/eventually.ts';
import { liveSets } from '../test/live/live-sets.ts';
import { bySequence, claimOf, claims, nameOf } from '../test/live/objects.ts';

let cluster: Cluster;
let client: KubeClient;

beforeAll(async () => {
  const operators = ['collaset-controller', 'podopslifecycle-coordinator', 'podtransitionrule-engine'];
  cluster = await startCluster({ operators, operatorEnv: { RECLAIM_SCALE_STRATEGY: 'true' } });
  client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'test' });
});

afterAll(async () => {
  await client?.close();
  await cluster?.down();
});

const { create, edit, get, serving, isGone } = liveSets('reclaim', () => ({ cluster, client }));

const isEmptied = (name: string) =>
  eventually(async () => expect((await get(COLLA_SETS, name)).spec.scaleStrategy).toEqual({}));

test('deletion, exclusion and inclusion empty their lists, and the label orphaned is set and removed', async () => {
  const name = 'emptied';
  await create(name, { replicas: 2, ...claims() });
  const [first, second] = await serving(name, 2);
  await edit(name, { scaleStrategy: { podToDelete: [nameOf(first)] } });
  await isGone(PODS, nameOf(first));
  await isEmptied(name);
  await serving(name, 2);
  const claim = claimOf(second) ?? '';
  const states = async () => {
    const objects = [await get(PODS, nameOf(second)), await get(PERSISTENT_VOLUME_CLAIMS, claim)];
    return objects.map((object) => [controllerOf(object)?.name, object.metadata.labels?.[ORPHANED_LABEL]]);
  };
  await edit(name, { replicas: 1, scaleStrategy: { podToExclude: [nameOf(second)] } });
  await isEmptied(name);
  await serving(name, 1);
  const orphaned = [undefined, 'true'];
  expect(await states()).toEqual([orphaned, orphaned]);
  await edit(name, { replicas: 2, scaleStrategy: { podToInclude: [nameOf(second)] } });
  await isEmptied(name);
  await serving(name, 2);
  const owned = [name, undefined];
  await eventually(async () => expect(await states()).toEqual([owned, owned]));
});

test('with sequence names, recreates a Pod once for each time that the list names it', async () => {
  const name = 'sequence';
  await create(name, { replicas: 2, ...bySequence, scaleStrategy: {} });
  const uids = new Set((await serving(name, 2)).map(({ metadata }) => metadata.uid));
  for (const times of [1, 2]) {
    await edit(name, { scaleStrategy: { podToDelete: [`${name}-1`] } });
    await isEmptied(name);
    for (const { metadata } of await serving(name, 2)) uids.add(metadata.uid);
    expect(uids.size).toBe(2 + times);
  }
});
