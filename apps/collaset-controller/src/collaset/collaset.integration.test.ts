import {
  COLLA_SETS,
  COLLASET_OPERATION_ID,
  type CollaSet,
  INSTANCE_ID_LABEL,
  isTerminating,
  PERSISTENT_VOLUME_CLAIMS,
  PODS,
  type Pod,
  RESOURCE_CONTEXTS,
  stageLabel,
} from '@kuperator/api';
import { type Cluster, startCluster } from '@kuperator/cluster';
import { createEventBus } from '@kuperator/events';
import { isServiceAvailable } from '@kuperator/lifecycle';
import {
  createKubeClient,
  createLogger,
  createMetrics,
  EventRecorder,
  Health,
  type KubeClient,
  loadConfig,
  NotFoundError,
  type OperatorContext,
  Shards,
  systemClock,
} from '@kuperator/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Config, collaSetConfig } from '../config.ts';
import { eventually } from '../test/eventually.ts';
import { collaSetController } from './controller.ts';

// The coordinator and the rule engine are the real ones, in processes of their own; ours is in this one.
let cluster: Cluster;
let client: KubeClient;
let stop: () => Promise<void>;

beforeAll(async () => {
  cluster = await startCluster({ operators: ['podopslifecycle-coordinator', 'podtransitionrule-engine'] });
  client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'test' });
  stop = await startOperator();
});

afterAll(async () => {
  await stop?.();
  await client?.close();
  await cluster?.down();
});

async function startOperator(): Promise<() => Promise<void>> {
  const config: Config = loadConfig(collaSetConfig, { POD_NAME: 'test' }, []);
  const logger = createLogger({ app: 'test', level: 'silent' });
  const metrics = createMetrics('test', { processMetrics: false });
  const own = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'kuperator-collaset-controller' });
  const shards = new Shards({
    client: own,
    namespace: config.podNamespace,
    app: 'test',
    identity: 'test',
    logger,
    metrics,
  });
  const context: OperatorContext<Config> = {
    config,
    client: own,
    logger,
    metrics,
    health: new Health({ host: '127.0.0.1', port: 0, metrics }),
    recorder: new EventRecorder({ client: own, app: 'test', instance: 'test', logger, metrics }),
    shards,
    clock: systemClock,
    signal: new AbortController().signal,
  };
  const bus = createEventBus({ url: '', cluster: 'test', source: 'collaset-controller', logger });
  const { informers, controller } = collaSetController(context, bus);
  for (const informer of informers) informer.start();
  await Promise.all(informers.map((informer) => informer.waitForSync()));
  await shards.start();
  controller.start();
  return async () => {
    await controller.stop();
    await shards.stop();
    await Promise.all(informers.map((informer) => informer.stop()));
    await own.close();
  };
}

const template = (name: string, image: string, env = 'a') => ({
  metadata: { labels: { app: name } },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'app', image, env: [{ name: 'E', value: env }] }],
  },
});

const ref = (name: string) => ({ namespace: 'default', name });

async function create(name: string, spec: object): Promise<void> {
  await client.create(COLLA_SETS, {
    metadata: ref(name),
    spec: { selector: { matchLabels: { app: name } }, template: template(name, 'app:v1'), ...spec },
  } as CollaSet);
}

async function edit(name: string, spec: object): Promise<void> {
  await client.patch(COLLA_SETS, ref(name), { type: 'merge', body: { spec } });
}

async function podsOf(name: string): Promise<readonly Pod[]> {
  const { items } = await client.list(PODS, { namespace: 'default', labelSelector: `app=${name}` });
  const id = (pod: Pod) => Number(pod.metadata.labels?.[INSTANCE_ID_LABEL]);
  return items.filter((pod) => !isTerminating(pod)).toSorted((a, b) => id(a) - id(b));
}

/** Waits for a set whose status counts `count` Pods, all serving, `updated` of them updated. */
function serving(name: string, count: number, updated = count): Promise<readonly Pod[]> {
  return eventually(async () => {
    const set = await client.get(COLLA_SETS, ref(name));
    expect(set.status).toMatchObject({
      observedGeneration: set.metadata.generation,
      replicas: count,
      readyReplicas: count,
      availableReplicas: count,
      updatedReplicas: updated,
      operatingReplicas: 0,
      terminatingReplicas: 0,
    });
    const pods = await podsOf(name);
    expect(pods.filter(isServiceAvailable)).toHaveLength(count);
    return pods;
  });
}

async function isGone(run: () => Promise<unknown>): Promise<void> {
  await expect(run()).rejects.toBeInstanceOf(NotFoundError);
}

describe('a CollaSet on a real API server', () => {
  test('creates its Pods, scales out and in, and leaves no context behind', async () => {
    await create('scaled', { replicas: 3 });
    const first = await serving('scaled', 3);
    await edit('scaled', { replicas: 5 });
    const grown = await serving('scaled', 5);
    expect(grown.slice(0, 3).map(({ metadata }) => metadata.uid)).toEqual(first.map(({ metadata }) => metadata.uid));
    await edit('scaled', { replicas: 2 });
    await serving('scaled', 2);
    await edit('scaled', { replicas: 0 });
    await serving('scaled', 0);
    await eventually(() => isGone(() => client.get(RESOURCE_CONTEXTS, ref('scaled'))));
  });

  test('updates in place: the same Pods, other containers, and what users added stays', async () => {
    await create('inplace', { replicas: 2 });
    const before = await serving('inplace', 2);
    await client.patch(PODS, ref(before[0]?.metadata.name ?? ''), {
      type: 'merge',
      body: { metadata: { labels: { mine: 'x' } } },
    });
    await edit('inplace', { template: template('inplace', 'app:v2') });
    const after = await serving('inplace', 2);
    expect(after.map(({ metadata }) => metadata.uid)).toEqual(before.map(({ metadata }) => metadata.uid));
    for (const [index, pod] of after.entries()) {
      expect(pod.spec.containers[0]?.image).toBe('app:v2');
      const container = before[index]?.status?.containerStatuses?.[0]?.containerID;
      expect(pod.status?.containerStatuses?.[0]?.containerID).not.toBe(container);
    }
    expect(after[0]?.metadata.labels?.mine).toBe('x');
  });

  test('makes Pods anew where in place is not possible, as far as the partition goes', async () => {
    await create('recreated', { replicas: 3 });
    const before = (await serving('recreated', 3)).map(({ metadata }) => metadata.uid);
    const changed = template('recreated', 'app:v1', 'b');
    await edit('recreated', {
      template: changed,
      updateStrategy: { rollingUpdate: { byPartition: { partition: 2 } } },
    });
    const some = (await serving('recreated', 3, 1)).map(({ metadata }) => metadata.uid);
    expect(some.filter((uid) => before.includes(uid))).toHaveLength(2);
    await edit('recreated', { updateStrategy: { rollingUpdate: { byPartition: { partition: 0 } } } });
    const all = (await serving('recreated', 3)).map(({ metadata }) => metadata.uid);
    expect(all.filter((uid) => before.includes(uid))).toEqual([]);
  });

  test('waits for permission before it deletes', async () => {
    await create('waiting', { replicas: 1 });
    const [pod] = await serving('waiting', 1);
    const name = pod?.metadata.name ?? '';
    // Somebody's hold, as a traffic controller would put it there.
    const hold = 'prot.podopslifecycle.kusionstack.io/test';
    await client.patch(PODS, ref(name), { type: 'merge', body: { metadata: { finalizers: [hold] } } });
    await edit('waiting', { replicas: 0 });
    await eventually(async () => {
      const { metadata } = await client.get(PODS, ref(name));
      expect(metadata.labels).toHaveProperty([stageLabel('preparing', COLLASET_OPERATION_ID)]);
      expect(metadata.deletionTimestamp).toBeUndefined();
    });
    await eventually(async () => {
      const set = await client.get(COLLA_SETS, ref('waiting'));
      const condition = set.status?.conditions?.find(({ type }) => type === 'Scale');
      expect(condition?.message).toContain(hold);
    });
    await client.patch(PODS, ref(name), { type: 'merge', body: { metadata: { finalizers: null } } });
    await serving('waiting', 0);
  });

  test('gives each instance its claims and takes them away with it', async () => {
    const claims = { volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claimSpec }] };
    await create('claims', { replicas: 2, ...claims, namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' } });
    const pods = await serving('claims', 2);
    expect(pods.map(({ metadata, spec }) => [metadata.name, spec.hostname])).toEqual([
      ['claims-0', 'claims-0'],
      ['claims-1', 'claims-1'],
    ]);
    const mounted = pods.map((pod) => pod.spec.volumes?.find(({ name }) => name === 'data')?.persistentVolumeClaim);
    expect(new Set(mounted.map((claim) => claim?.claimName)).size).toBe(2);
    await edit('claims', { replicas: 1 });
    await serving('claims', 1);
    await eventually(async () => {
      const { items } = await client.list(PERSISTENT_VOLUME_CLAIMS, {
        namespace: 'default',
        labelSelector: 'app=claims',
      });
      expect(items.map(({ metadata }) => metadata.name)).toEqual([mounted[0]?.claimName]);
    });
  });

  test('deleted, it waits for its Pods; with --cascade=orphan it leaves them', async () => {
    await create('deleted', { replicas: 2 });
    await create('orphaned', { replicas: 2 });
    await serving('deleted', 2);
    await serving('orphaned', 2);
    await client.delete(COLLA_SETS, ref('deleted'));
    await client.delete(COLLA_SETS, ref('orphaned'), { propagationPolicy: 'Orphan' });
    await eventually(() => isGone(() => client.get(COLLA_SETS, ref('deleted'))));
    // The garbage collector lets the Pods go, in a young cluster only after half a minute, and then the set.
    await eventually(() => isGone(() => client.get(COLLA_SETS, ref('orphaned'))), 90_000);
    expect(await podsOf('deleted')).toEqual([]);
    expect(await podsOf('orphaned')).toHaveLength(2);
  }, 120_000);

  test('says that a template is refused, and goes on when it is mended', async () => {
    const bad = template('refused', 'app:v1');
    await create('refused', {
      replicas: 2,
      template: {
        ...bad,
        spec: {
          ...bad.spec,
          containers: [{ name: 'app', image: 'app:v1', volumeMounts: [{ name: 'none', mountPath: '/x' }] }],
        },
      },
    });
    await eventually(async () => {
      const set = await client.get(COLLA_SETS, ref('refused'));
      expect(set.status?.conditions).toContainEqual(
        expect.objectContaining({ type: 'Scale', status: 'False', reason: 'ScaleOutFailed' }),
      );
    });
    await edit('refused', { template: bad });
    await serving('refused', 2);
  });
});

const claimSpec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } };
