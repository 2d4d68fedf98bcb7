// Scaling, replacing, excluding and including as users see them: all operators in processes of their own, with the rights of their
// charts. The cases of the Go implementation's suite.
import {
  COLLA_SETS,
  type CollaSet,
  controllerOf,
  INSTANCE_ID_LABEL,
  isTerminating,
  type KubeObject,
  PERSISTENT_VOLUME_CLAIMS,
  PODS,
  type Pod,
  REPLACE_PAIR_NEW_ID_LABEL,
  REPLACE_PAIR_ORIGIN_NAME_LABEL,
  RESOURCE_CONTEXTS,
  REVISION_LABEL,
  type Resource,
  SERVICE_AVAILABLE_LABEL,
  TO_DELETE_LABEL,
  TO_REPLACE_LABEL,
} from '@kuperator/api';
import { type Cluster, startCluster } from '@kuperator/cluster';
import { createKubeClient, type KubeClient, NotFoundError } from '@kuperator/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../test/eventually.ts';

let cluster: Cluster;
let client: KubeClient;

beforeAll(async () => {
  const operators = ['collaset-controller', 'podopslifecycle-coordinator', 'podtransitionrule-engine'] as const;
  cluster = await startCluster({ operators: [...operators] });
  client = createKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: 'test' });
});

afterAll(async () => {
  await client?.close();
  await cluster?.down();
});

const ref = (name: string) => ({ namespace: 'default', name });
const data = {
  volumeClaimTemplates: [
    {
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
    },
  ],
};
const whenScaledRetained = { persistentVolumeClaimRetentionPolicy: { whenScaled: 'Retain' } };
const partition = (count: number) => ({ rollingUpdate: { byPartition: { partition: count } } });
/** An image no Pod gets ready with. */
const BAD = 'app:non-exist';

function template(name: string, image: string, env = 'foo') {
  return {
    metadata: { labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'app', image, env: [{ name: 'test', value: env }] }],
    },
  };
}

async function create(name: string, spec: object): Promise<void> {
  const selector = { matchLabels: { app: name } };
  const set = { metadata: ref(name), spec: { selector, template: template(name, 'app:v1'), ...spec } };
  await client.create(COLLA_SETS, set as unknown as CollaSet);
}

async function edit(name: string, spec: object): Promise<void> {
  await client.patch(COLLA_SETS, ref(name), { type: 'merge', body: { spec } });
}

async function label(pod: string, labels: Record<string, string | null>): Promise<void> {
  await client.patch(PODS, ref(pod), { type: 'merge', body: { metadata: { labels } } });
}

/** Objects of the set that are not terminating, by instance id. */
async function ownedBy<T extends KubeObject>(resource: Resource<T>, name: string): Promise<readonly T[]> {
  const { items } = await client.list(resource, { namespace: 'default', labelSelector: `app=${name}` });
  return items
    .filter((object) => !isTerminating(object) && controllerOf(object)?.name === name)
    .toSorted((a, b) => idOf(a) - idOf(b));
}

const idOf = ({ metadata }: KubeObject) => Number(metadata.labels?.[INSTANCE_ID_LABEL]);
const nameOf = (object: KubeObject | undefined) => object?.metadata.name ?? '';

type Figures = readonly [replicas: number, ready: number, available: number, updated: number, pods: number];

/** Waits for the figures the Go implementation's suite asks for. */
function figures(name: string, expected: Figures): Promise<readonly Pod[]> {
  return eventually(async () => {
    const { metadata, status } = await client.get(COLLA_SETS, ref(name));
    expect(status?.observedGeneration).toBe(metadata.generation);
    const { replicas, readyReplicas, availableReplicas, updatedReplicas } = status ?? {};
    const pods = await ownedBy(PODS, name);
    expect([replicas, readyReplicas, availableReplicas, updatedReplicas, pods.length]).toEqual(expected);
    return pods;
  });
}

const serving = (name: string, count: number, updated = count) => figures(name, [count, count, count, updated, count]);

async function entriesOf(name: string) {
  const context = await client.get(RESOURCE_CONTEXTS, ref(name));
  return context.spec.contexts ?? [];
}

/** Waits until exactly these ids are on record. */
const recorded = (name: string, ids: readonly number[]) =>
  eventually(async () => expect((await entriesOf(name)).map(({ id }) => id)).toEqual(ids));

const isGone = <T extends KubeObject>(resource: Resource<T>, name: string) =>
  eventually(() => expect(client.get(resource, ref(name))).rejects.toBeInstanceOf(NotFoundError));

/** Says that the Pod serves although it does not, as the Go implementation's suite does, until it was heard. */
function pretendToServe(pod: string, isHeard: () => Promise<boolean>): Promise<void> {
  return eventually(async () => {
    if (await isHeard()) return;
    await label(pod, { [SERVICE_AVAILABLE_LABEL]: '1' });
    expect(await isHeard()).toBe(true);
  });
}

async function isLeaving(pod: string): Promise<boolean> {
  try {
    const { metadata } = await client.get(PODS, ref(pod));
    return metadata.labels?.[TO_DELETE_LABEL] !== undefined || metadata.deletionTimestamp !== undefined;
  } catch (error) {
    if (error instanceof NotFoundError) return true;
    throw error;
  }
}

/** A set of unready Pods of which the first is being replaced: it, its new Pod, and the others. */
async function pairOf(name: string, replicas: number, spec: object = {}) {
  await create(name, { replicas, template: template(name, BAD), ...spec });
  const [origin] = await figures(name, [replicas, 0, 0, replicas, replicas]);
  await label(nameOf(origin), { [TO_REPLACE_LABEL]: '1' });
  const pods = await figures(name, [replicas + 1, 0, 0, replicas + 1, replicas + 1]);
  const successor = pods.find((pod) => pod.metadata.labels?.[REPLACE_PAIR_ORIGIN_NAME_LABEL] === nameOf(origin));
  return { origin: nameOf(origin), successor: nameOf(successor), successorId: successor ? idOf(successor) : -1 };
}

describe('scaling', () => {
  test('a Pod marked to-delete is made anew at its own revision, mid-partition', async () => {
    const name = 'marked';
    await create(name, { replicas: 2 });
    await serving(name, 2);
    await edit(name, { template: template(name, 'app:v2'), updateStrategy: partition(1) });
    const pods = await serving(name, 2, 1);
    const { updatedRevision } = (await client.get(COLLA_SETS, ref(name))).status ?? {};
    const old = pods.find((pod) => pod.metadata.labels?.[REVISION_LABEL] !== updatedRevision);
    await label(nameOf(old), { [TO_DELETE_LABEL]: 'true' });
    await isGone(PODS, nameOf(old));
    const renewed = (await serving(name, 2, 1)).find((pod) => idOf(pod) === (old && idOf(old)));
    expect(renewed?.metadata.labels?.[REVISION_LABEL]).toBe(old?.metadata.labels?.[REVISION_LABEL]);
  });

  test('podToDelete: the Pod is made anew; with fewer replicas it is the one that goes', async () => {
    const name = 'named';
    await create(name, { replicas: 3 });
    const [first] = await serving(name, 3);
    await edit(name, { scaleStrategy: { podToDelete: [nameOf(first)] } });
    await isGone(PODS, nameOf(first));
    const [, second, third] = await serving(name, 3);
    await edit(name, { replicas: 2, scaleStrategy: { podToDelete: [nameOf(second)] } });
    await isGone(PODS, nameOf(second));
    expect((await serving(name, 2)).map(nameOf)).toContain(nameOf(third));
  });

  test('podToDelete by sequence: the Pod is made anew once', async () => {
    const name = 'named-by-sequence';
    await create(name, { replicas: 2, namingStrategy: { podNamingSuffixPolicy: 'PersistentSequence' } });
    const [first] = await serving(name, 2);
    await edit(name, { scaleStrategy: { podToDelete: [`${name}-0`] } });
    const renewed = await eventually(async () => {
      const [pod] = await serving(name, 2);
      expect(pod?.metadata.uid).not.toBe(first?.metadata.uid);
      return pod;
    });
    await edit(name, { replicas: 3 });
    expect((await serving(name, 3))[0]?.metadata.uid).toBe(renewed?.metadata.uid);
  });

  test('excluded with its claim, and included again under its id', async () => {
    const name = 'excluded';
    await create(name, { replicas: 3, ...data });
    const [, pod] = await serving(name, 3);
    const claim = pod?.spec.volumes?.find((volume) => volume.name === 'data')?.persistentVolumeClaim?.claimName ?? '';
    await edit(name, { replicas: 2, scaleStrategy: { podToExclude: [nameOf(pod)] } });
    await eventually(async () => {
      expect((await client.get(PODS, ref(nameOf(pod)))).metadata.ownerReferences ?? []).toEqual([]);
      expect((await client.get(PERSISTENT_VOLUME_CLAIMS, ref(claim))).metadata.ownerReferences ?? []).toEqual([]);
    }, 10_000);
    await serving(name, 2);
    await recorded(name, [0, 2]);
    await edit(name, { replicas: 3, scaleStrategy: { podToExclude: [], podToInclude: [nameOf(pod)] } });
    const back = await serving(name, 3);
    expect(back.map(idOf)).toEqual([0, 1, 2]);
    expect(back[1]?.metadata.uid).toBe(pod?.metadata.uid);
    const taken = await eventually(async () => {
      const found = await client.get(PERSISTENT_VOLUME_CLAIMS, ref(claim));
      expect(controllerOf(found)?.name).toBe(name);
      return found;
    });
    expect(idOf(taken)).toBe(1);
    await recorded(name, [0, 1, 2]);
  });

  test('a Pod to be included that the selector does not match is refused, and the set goes on (T29)', async () => {
    const name = 'refusing';
    await create(name, { replicas: 1 });
    await serving(name, 1);
    await create('other', { replicas: 1 });
    const [foreign] = await serving('other', 1);
    await edit('other', { replicas: 0, scaleStrategy: { podToExclude: [nameOf(foreign)] } });
    await figures('other', [0, 0, 0, 0, 0]);
    // The delay keeps the Pod that is one too many, once it is included, for as long as it takes to see it.
    await edit(name, { replicas: 2, scaleStrategy: { podToInclude: [nameOf(foreign)], operationDelaySeconds: 600 } });
    await serving(name, 2);
    await eventually(async () => {
      const { items } = await client.list(EVENTS, { namespace: 'default' });
      const told = items.filter(({ reason }) => reason === 'IncludeNotAllowed').map(({ message }) => message);
      expect(told).toContainEqual(expect.stringContaining('does not match'));
    });
    await label(nameOf(foreign), { app: name });
    await eventually(async () => expect(controllerOf(await client.get(PODS, ref(nameOf(foreign))))?.name).toBe(name));
  });

  test('an included Pod of unknown revision is updated by making it anew', async () => {
    const name = 'unknown';
    await create(name, { replicas: 3, updateStrategy: partition(3) });
    const [, pod] = await serving(name, 3);
    await edit(name, { replicas: 2, scaleStrategy: { podToExclude: [nameOf(pod)] } });
    await serving(name, 2);
    await label(nameOf(pod), { [REVISION_LABEL]: null });
    await edit(name, { replicas: 3, scaleStrategy: { podToExclude: [], podToInclude: [nameOf(pod)] } });
    const back = await serving(name, 3, 2);
    expect([back.map(idOf), nameOf(back[1])]).toEqual([[0, 1, 2], nameOf(pod)]);
    await edit(name, { template: template(name, 'app:v2'), updateStrategy: partition(0) });
    await isGone(PODS, nameOf(pod));
    await serving(name, 3);
  });

  test.each([
    'origin',
    'successor',
  ] as const)('the %s of a pair is excluded only when the replacement has ended', async (which) => {
    const name = `held-${which}`;
    const pair = await pairOf(name, 2);
    await edit(name, { replicas: 1, scaleStrategy: { podToExclude: [pair[which]] } });
    await figures(name, [3, 0, 0, 3, 3]);
    expect((await ownedBy(PODS, name)).filter((pod) => pod.metadata.labels?.[TO_DELETE_LABEL])).toEqual([]);
    await pretendToServe(pair.successor, () => isLeaving(pair.origin));
    await isGone(PODS, pair.origin);
    await figures(name, [1, 0, 0, 1, 1]);
    if (which === 'successor') {
      expect((await client.get(PODS, ref(pair.successor))).metadata.ownerReferences ?? []).toEqual([]);
    }
    await eventually(async () => expect(await entriesOf(name)).toHaveLength(1));
  });

  test('whenScaled: Retain keeps claims, and gives them back by name', async () => {
    const name = 'retained';
    await create(name, { replicas: 2, ...data, scaleStrategy: whenScaledRetained });
    await serving(name, 2);
    const claims = (await ownedBy(PERSISTENT_VOLUME_CLAIMS, name)).map(nameOf);
    await edit(name, { replicas: 1 });
    await serving(name, 1);
    expect((await ownedBy(PERSISTENT_VOLUME_CLAIMS, name)).map(nameOf)).toEqual(claims);
    await edit(name, { replicas: 2 });
    const pods = await serving(name, 2);
    const mounted = pods.map(
      (pod) => pod.spec.volumes?.find((volume) => volume.name === 'data')?.persistentVolumeClaim,
    );
    expect(mounted.map((claim) => claim?.claimName)).toEqual(claims);
  });

  test('creations a quota refuses show in condition and Event, and go on when it is raised (T31)', async () => {
    const name = 'limited';
    const namespace = 'limited';
    await client.create(NAMESPACES, { metadata: { name: namespace } });
    const quota = { metadata: { namespace, name: 'pods' }, spec: { hard: { pods: '1' } } };
    await client.create(QUOTAS, quota);
    const hard = (pods: string) => ({ status: { hard: { pods }, used: { pods: '0' } } });
    await client.patch(
      QUOTAS,
      { namespace, name: 'pods' },
      { type: 'merge', body: hard('1') },
      { subresource: 'status' },
    );
    const selector = { matchLabels: { app: name } };
    const spec = { replicas: 3, selector, template: template(name, 'app:v1') };
    await client.create(COLLA_SETS, { metadata: { namespace, name }, spec } as unknown as CollaSet);
    await eventually(async () => {
      const { status } = await client.get(COLLA_SETS, { namespace, name });
      const condition = status?.conditions?.find(({ type }) => type === 'Scale');
      expect([condition?.reason, condition?.message]).toEqual([
        'ScaleOutFailed',
        expect.stringContaining('exceeded quota'),
      ]);
      const { items } = await client.list(EVENTS, { namespace });
      expect(items.map(({ reason }) => reason)).toContain('ScaleOutFailed');
    });
    await client.delete(QUOTAS, { namespace, name: 'pods' });
    await eventually(async () => {
      const { status } = await client.get(COLLA_SETS, { namespace, name });
      expect([status?.availableReplicas, status?.conditions?.find(({ type }) => type === 'Scale')?.status]).toEqual([
        3,
        'True',
      ]);
    });
  });
});

describe('two sets', () => {
  const pooled = { scaleStrategy: { context: 'pool' } };

  test('share one pool of ids: none is given twice, none is taken away, and it goes with the last (T53, T54)', async () => {
    await create('pool-a', { replicas: 3, ...pooled });
    await create('pool-b', { replicas: 3, ...pooled });
    await serving('pool-a', 3);
    await serving('pool-b', 3);
    await edit('pool-a', { replicas: 1 });
    await edit('pool-b', { replicas: 5 });
    const pods = [...(await serving('pool-a', 1)), ...(await serving('pool-b', 5))];
    expect(new Set(pods.map(idOf)).size).toBe(6);
    await eventually(async () => {
      const owners = new Map((await entriesOf('pool')).map(({ id, data: entry }) => [id, entry?.Owner]));
      expect(owners).toEqual(new Map(pods.map((pod) => [idOf(pod), controllerOf(pod)?.name])));
    });
    await client.delete(RESOURCE_CONTEXTS, ref('pool'));
    await eventually(async () => expect(await entriesOf('pool')).toHaveLength(6));
    for (const set of ['pool-a', 'pool-b']) await client.delete(COLLA_SETS, ref(set));
    await isGone(RESOURCE_CONTEXTS, 'pool');
  });

  test('hand a Pod over with a claim of another template: it is kept until the Pod is made anew', async () => {
    await create('giving', { replicas: 1, ...data });
    const [pod] = await serving('giving', 1);
    const claim = pod?.spec.volumes?.find((volume) => volume.name === 'data')?.persistentVolumeClaim?.claimName ?? '';
    const [template2] = data.volumeClaimTemplates;
    // A difference that no claim can grow over.
    const another = { ...template2, spec: { ...template2?.spec, accessModes: ['ReadWriteMany'] } };
    const byLabel = { rollingUpdate: { byLabel: {}, byPartition: null } };
    await create('taking', { replicas: 1, volumeClaimTemplates: [another], updateStrategy: byLabel });
    await serving('taking', 1);
    await edit('giving', { replicas: 0, scaleStrategy: { podToExclude: [nameOf(pod)] } });
    await figures('giving', [0, 0, 0, 0, 0]);
    await label(nameOf(pod), { app: 'taking' });
    const labels = { metadata: { labels: { app: 'taking' } } };
    await client.patch(PERSISTENT_VOLUME_CLAIMS, ref(claim), { type: 'merge', body: labels });
    await edit('taking', { replicas: 2, scaleStrategy: { podToInclude: [nameOf(pod)] } });
    await figures('taking', [2, 2, 2, 1, 2]);
    await eventually(async () => {
      expect((await ownedBy(PERSISTENT_VOLUME_CLAIMS, 'taking')).map(nameOf)).toContain(claim);
    });
    await edit('taking', { updateStrategy: { rollingUpdate: { byLabel: null, byPartition: {} } } });
    await serving('taking', 2);
    await isGone(PERSISTENT_VOLUME_CLAIMS, claim);
    expect(await ownedBy(PERSISTENT_VOLUME_CLAIMS, 'taking')).toHaveLength(2);
  });
});

describe('replacing', () => {
  test('to-replace: a Pod of the same revision takes the place, its claim goes with the origin', async () => {
    const name = 'replaced';
    await create(name, { replicas: 1, ...data, scaleStrategy: whenScaledRetained });
    const [origin] = await serving(name, 1);
    await label(nameOf(origin), { [TO_REPLACE_LABEL]: '1' });
    await isGone(PODS, nameOf(origin));
    const [successor] = await serving(name, 1);
    const id = successor ? idOf(successor) : -1;
    await recorded(name, [id]);
    await eventually(async () => {
      const { labels } = (await client.get(PODS, ref(nameOf(successor)))).metadata;
      expect(labels).not.toHaveProperty([TO_REPLACE_LABEL]);
      expect(labels).not.toHaveProperty([REPLACE_PAIR_ORIGIN_NAME_LABEL]);
      expect((await ownedBy(PERSISTENT_VOLUME_CLAIMS, name)).map(idOf)).toEqual([id]);
    });
  });

  test('taken back, the new Pod goes and leaves nothing behind', async () => {
    const name = 'taken-back';
    await create(name, { replicas: 1, template: template(name, BAD), ...data, scaleStrategy: whenScaledRetained });
    const [origin] = await figures(name, [1, 0, 0, 1, 1]);
    const before = await eventually(async () => {
      const entries = await entriesOf(name);
      expect(entries.map(({ data: entry }) => Object.keys(entry ?? {}).toSorted())).toEqual([['Owner', 'Revision']]);
      return entries;
    });
    await label(nameOf(origin), { [TO_REPLACE_LABEL]: '1' });
    await figures(name, [2, 0, 0, 2, 2]);
    expect(await ownedBy(PERSISTENT_VOLUME_CLAIMS, name)).toHaveLength(2);
    await label(nameOf(origin), { [TO_REPLACE_LABEL]: null });
    const [left] = await figures(name, [1, 0, 0, 1, 1]);
    expect(left?.metadata.uid).toBe(origin?.metadata.uid);
    await eventually(async () => {
      expect((await ownedBy(PERSISTENT_VOLUME_CLAIMS, name)).map(idOf)).toEqual([0]);
      expect(await entriesOf(name)).toEqual(before);
      const { labels } = (await client.get(PODS, ref(nameOf(origin)))).metadata;
      expect(labels).not.toHaveProperty([REPLACE_PAIR_NEW_ID_LABEL]);
    });
  });

  test.each([
    'Recreate',
    'InPlaceIfPossible',
    'Replace',
  ])('an update under %s while a Pod is being replaced (T35)', async (policy) => {
    const name = `updated-${policy.toLowerCase()}`;
    const { successor } = await pairOf(name, 1, { updateStrategy: { podUpgradePolicy: policy } });
    await edit(name, { template: template(name, 'app:v2') });
    const [pod] = await serving(name, 1);
    expect(pod?.spec.containers[0]?.image).toBe('app:v2');
    await isGone(PODS, successor);
    await recorded(name, [pod ? idOf(pod) : -1]);
  });

  test('policy Replace: partition 3, 2, 1, 0 in turn', async () => {
    const name = 'by-replacing';
    await create(name, { replicas: 3, updateStrategy: { podUpgradePolicy: 'Replace' } });
    const before = (await serving(name, 3)).map(({ metadata }) => metadata.uid);
    for (const count of [3, 2, 1, 0]) {
      const updateStrategy = { podUpgradePolicy: 'Replace', ...partition(count) };
      await edit(name, { template: template(name, 'app:v2'), updateStrategy });
      const pods = await serving(name, 3, 3 - count);
      expect(pods.filter(({ metadata }) => before.includes(metadata.uid))).toHaveLength(count);
    }
  });

  test('policy Replace: change of mind, then another policy, then back (T34, T41)', async () => {
    const name = 'of-two-minds';
    await create(name, { replicas: 2, updateStrategy: { podUpgradePolicy: 'Replace' } });
    await serving(name, 2);
    await edit(name, { template: template(name, BAD) });
    await figures(name, [4, 2, 2, 2, 4]);
    await edit(name, { updateStrategy: { podUpgradePolicy: 'InPlaceIfPossible' } });
    await edit(name, { template: template(name, 'app:v3') });
    const pods = await serving(name, 2);
    for (const pod of pods) {
      expect(pod.spec.containers[0]?.image).toBe('app:v3');
      expect(Object.keys(pod.metadata.labels ?? {}).filter((key) => /replace/.test(key))).toEqual([]);
    }
    await recorded(name, pods.map(idOf));
  });

  test.each([
    { which: 'the origin', named: ['origin'] as const },
    { which: 'both', named: ['origin', 'successor'] as const },
  ])('no replicas and $which in podToDelete: both go (T28)', async ({ named }) => {
    const name = `pair-${named.length}`;
    const pair = await pairOf(name, 1);
    await edit(name, { replicas: 0, scaleStrategy: { podToDelete: named.map((pod) => pair[pod]) } });
    await figures(name, [0, 0, 0, 0, 0]);
    await isGone(RESOURCE_CONTEXTS, name);
  });

  test('no replicas and the new Pod in podToDelete: both stay until it serves, then both go (T28, T37)', async () => {
    const name = 'pair-new';
    const pair = await pairOf(name, 1);
    await edit(name, { replicas: 0, scaleStrategy: { podToDelete: [pair.successor] } });
    await figures(name, [2, 0, 0, 2, 2]);
    await pretendToServe(pair.successor, () => isLeaving(pair.origin));
    await figures(name, [0, 0, 0, 0, 0]);
    await isGone(RESOURCE_CONTEXTS, name);
  });
});

type Event = KubeObject & { reason?: string; message?: string };
const EVENTS: Resource<Event> = { group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true };
const NAMESPACES: Resource<KubeObject> = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
};
const QUOTAS: Resource<KubeObject> = {
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  namespaced: true,
};
