// CollaSets as users see them, with the cases of the Go implementation's test suite. Every operator runs in its own process with the
// permissions of its chart. All tests share one cluster, because its start takes longer than most of them.
import { type Cluster, startCluster } from '@kuperator/cluster';
import { createKubeClient, type KubeClient } from '@kuperator/runtime';
import { afterAll, beforeAll, describe } from 'vitest';
import { admitting } from '../test/live/admitting.ts';
import { changingInPlace } from '../test/live/changing-in-place.ts';
import { claiming } from '../test/live/claims.ts';
import { deletion } from '../test/live/deletion.ts';
import { holding } from '../test/live/holding.ts';
import { type LiveSets, liveSets } from '../test/live/live-sets.ts';
import { moving } from '../test/live/moving.ts';
import { refusals } from '../test/live/refusals.ts';
import { replacing } from '../test/live/replacing.ts';
import { retainedClaims } from '../test/live/retained-claims.ts';
import { rolling } from '../test/live/rolling.ts';
import { scaling } from '../test/live/scaling.ts';
import { status } from '../test/live/status.ts';
import { tenants } from '../test/live/tenants.ts';
import { twoSets } from '../test/live/two-sets.ts';

let cluster: Cluster;
let client: KubeClient;

beforeAll(async () => {
  const operators = ['collaset-controller', 'podopslifecycle-coordinator', 'podtransitionrule-engine'];
  cluster = await startCluster({ operators });
  client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'test' });
});

afterAll(async () => {
  await client?.close();
  await cluster?.down();
});

// Deletion comes last, because the garbage collector of a new cluster takes half a minute to start.
describe.each([
  ['scaling', scaling],
  ['changing-in-place', changingInPlace],
  ['admitting', admitting],
  ['rolling', rolling],
  ['replacing', replacing],
  ['claims', claiming],
  ['retained-claims', retainedClaims],
  ['moving', moving],
  ['two-sets', twoSets],
  ['refusals', refusals],
  ['status', status],
  ['holding', (sets: LiveSets) => holding(sets, () => cluster)],
  ['tenants', tenants],
  ['deletion', deletion],
] as const)('%s', (subject, tests) => {
  tests(liveSets(subject, () => ({ cluster, client })));
});
