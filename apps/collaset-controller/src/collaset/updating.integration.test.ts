// Updates, status and deletion as users see them: all operators in processes of their own, with the rights of their charts.
import {
  AVAILABLE_CONDITIONS_ANNOTATION,
  COLLA_SETS,
  COLLASET_OPERATION_ID,
  CONTROLLER_REVISIONS,
  type CollaSet,
  controllerOf,
  INSTANCE_ID_LABEL,
  isTerminating,
  PERSISTENT_VOLUME_CLAIMS,
  POD_TRANSITION_RULES,
  PODS,
  type Pod,
  type PodTransitionRule,
  RESOURCE_CONTEXTS,
  SERVICE_AVAILABLE_LABEL,
  stageLabel,
  UPDATE_INCLUDED_LABEL,
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

type Container = Pod['spec']['containers'][number];
const ref = (name: string) => ({ namespace: 'default', name });
const byPartition = (partition: number) => ({ rollingUpdate: { byPartition: { partition } } });
const byLabel = { rollingUpdate: { byLabel: {}, byPartition: null } };

function template(name: string, image: string, more: Partial<Container> = {}, spec: object = {}) {
  const container = { name: 'app', image, env: [{ name: 'test', value: 'foo' }], ...more };
  return {
    metadata: { labels: { app: name } },
    spec: { terminationGracePeriodSeconds: 0, containers: [container], ...spec },
  };
}

async function create(name: string, spec: object): Promise<void> {
  const selector = { matchLabels: { app: name } };
  const set = { metadata: ref(name), spec: { replicas: 1, selector, template: template(name, 'app:v1'), ...spec } };
  await client.create(COLLA_SETS, set as unknown as CollaSet);
}

async function edit(name: string, spec: object): Promise<void> {
  await client.patch(COLLA_SETS, ref(name), { type: 'merge', body: { spec } });
}

async function editPod(pod: Pod | undefined, metadata: object): Promise<void> {
  await client.patch(PODS, ref(pod?.metadata.name ?? ''), { type: 'merge', body: { metadata } });
}

async function podsOf(name: string): Promise<readonly Pod[]> {
  const { items } = await client.list(PODS, { namespace: 'default', labelSelector: `app=${name}` });
  const id = (pod: Pod) => Number(pod.metadata.labels?.[INSTANCE_ID_LABEL]);
  return items.filter((pod) => !isTerminating(pod)).toSorted((a, b) => id(a) - id(b));
}

async function claimsOf(name: string) {
  const { items } = await client.list(PERSISTENT_VOLUME_CLAIMS, {
    namespace: 'default',
    labelSelector: `app=${name}`,
  });
  return items.filter((claim) => !isTerminating(claim));
}

type Figures = readonly [replicas: number, ready: number, available: number, updated: number, pods: number];

/** Waits for the figures the Go implementation's suite asks for. */
function figures(name: string, expected: Figures): Promise<readonly Pod[]> {
  return eventually(async () => {
    const { metadata, status } = await client.get(COLLA_SETS, ref(name));
    expect(status?.observedGeneration).toBe(metadata.generation);
    const { replicas, readyReplicas, availableReplicas, updatedReplicas } = status ?? {};
    const pods = await podsOf(name);
    expect([replicas, readyReplicas, availableReplicas, updatedReplicas, pods.length]).toEqual(expected);
    return pods;
  });
}

const serving = (name: string, count: number, updated = count) => figures(name, [count, count, count, updated, count]);

const conditionOf = async (name: string, type: string) => {
  const { status } = await client.get(COLLA_SETS, ref(name));
  return status?.conditions?.find((condition) => condition.type === type);
};

const uids = (pods: readonly Pod[]) => pods.map(({ metadata }) => metadata.uid);

describe('basics', () => {
  test('a privileged container is accepted and stays so', async () => {
    const name = 'privileged';
    const more = { securityContext: { privileged: true } };
    await create(name, { replicas: 3, template: template(name, 'app:v1', more) });
    for (const { spec } of await serving(name, 3))
      expect(spec.containers[0]?.securityContext).toEqual(more.securityContext);
  });
});

describe('updating', () => {
  test('in place, another image: the same Pod, another container', async () => {
    const name = 'image';
    await create(name, {});
    const [before] = await serving(name, 1);
    await edit(name, { template: template(name, 'app:v2') });
    const [after] = await eventually(async () => {
      const pods = await serving(name, 1);
      expect(pods[0]?.spec.containers[0]?.image).toBe('app:v2');
      return pods;
    });
    expect(after?.metadata.uid).toBe(before?.metadata.uid);
    const [old, now] = [before, after].map((pod) => pod?.status?.containerStatuses?.[0]);
    expect(now?.containerID).not.toBe(old?.containerID);
    expect(now?.imageID).not.toBe(old?.imageID);
  });

  test('in place, other resources: the same containers, resized, with image and sidecar along', async () => {
    const name = 'resized';
    const at = (cpu: string, image: string) => {
      const resources = { requests: { cpu, memory: '16Mi' } };
      const proxy = { name: 'proxy', image: `p:${image}`, restartPolicy: 'Always', resources };
      return template(name, `app:${image}`, { resources }, { initContainers: [proxy] });
    };
    await create(name, { replicas: 2, template: at('10m', 'v1') });
    const before = await serving(name, 2);
    await edit(name, { template: at('20m', 'v1') });
    const isAt = (cpu: string, image: string) =>
      eventually(async () => {
        const pods = await serving(name, 2);
        for (const { status } of pods) {
          const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
          expect(all.map(({ image, resources }) => [image, resources?.requests?.cpu])).toEqual([
            [`app:${image}`, cpu],
            [`p:${image}`, cpu],
          ]);
        }
        return pods;
      });
    const resized = await isAt('20m', 'v1');
    expect(uids(resized)).toEqual(uids(before));
    expect(resized.map(({ status }) => status?.containerStatuses?.[0]?.restartCount)).toEqual([0, 0]);
    await edit(name, { template: at('30m', 'v2') });
    expect(uids(await isAt('30m', 'v2'))).toEqual(uids(before));
  });

  test('a change of resources that cannot be made in place makes the Pod anew', async () => {
    const name = 'qos';
    await create(name, {});
    const before = await serving(name, 1);
    await edit(name, { template: template(name, 'app:v1', { resources: { requests: { cpu: '10m' } } }) });
    await eventually(async () => expect(uids(await serving(name, 1))).not.toEqual(uids(before)));
  });

  test('by label: none without it, then only the one that has it; every entry of the context is the set’s', async () => {
    const name = 'by-label';
    await create(name, { replicas: 3, updateStrategy: byLabel });
    await serving(name, 3);
    await edit(name, { template: template(name, 'app:v2') });
    const pods = await serving(name, 3, 0);
    await editPod(pods[1], { labels: { [UPDATE_INCLUDED_LABEL]: 'true' } });
    const after = await serving(name, 3, 1);
    expect(after.map(({ spec }) => spec.containers[0]?.image)).toEqual(['app:v1', 'app:v2', 'app:v1']);
    expect(after[1]?.metadata.labels).not.toHaveProperty([UPDATE_INCLUDED_LABEL]);
    const { spec } = await client.get(RESOURCE_CONTEXTS, ref(name));
    expect(spec.contexts?.map(({ data }) => data?.Owner)).toEqual([name, name, name]);
  });

  test('operationDelaySeconds lie between the permission and the change', async () => {
    const name = 'delayed';
    await create(name, { replicas: 3, updateStrategy: { ...byLabel, operationDelaySeconds: 10 } });
    const pods = await serving(name, 3);
    await edit(name, { template: template(name, 'app:v2') });
    await serving(name, 3, 0);
    await editPod(pods[0], { labels: { [UPDATE_INCLUDED_LABEL]: 'true' } });
    const podName = pods[0]?.metadata.name ?? '';
    const permittedMs = await eventually(async () => {
      const { metadata } = await client.get(PODS, ref(podName));
      const since = metadata.labels?.[stageLabel('operate', COLLASET_OPERATION_ID)] ?? '';
      expect(since).toMatch(/^\d{19}$/);
      expect(metadata.labels).not.toHaveProperty([SERVICE_AVAILABLE_LABEL]);
      return Number(since) / 1e6;
    });
    await eventually(async () => {
      const { metadata } = await client.get(PODS, ref(podName));
      const isBack = metadata.labels?.[SERVICE_AVAILABLE_LABEL] !== undefined;
      if (Date.now() - permittedMs < 10_000) expect(metadata.labels?.[SERVICE_AVAILABLE_LABEL]).toBeUndefined();
      expect(isBack).toBe(true);
    });
    expect(Date.now() - permittedMs).toBeGreaterThanOrEqual(10_000);
    await serving(name, 3, 1);
  });

  test('a partition raised gives back what waits, and goes on when the hold is gone', async () => {
    const name = 'held';
    await create(name, { replicas: 2 });
    const hold = 'prot.podopslifecycle.kusionstack.io/test';
    for (const pod of await serving(name, 2)) await editPod(pod, { finalizers: [hold] });
    await edit(name, { template: template(name, 'app:v2') });
    await figures(name, [2, 0, 0, 0, 2]);
    await edit(name, { template: template(name, 'app:v3'), updateStrategy: byPartition(1) });
    const pods = await figures(name, [2, 1, 1, 0, 2]);
    const operating = stageLabel('operating', COLLASET_OPERATION_ID);
    expect(pods.filter(({ metadata }) => metadata.labels?.[operating] !== undefined)).toHaveLength(1);
    for (const pod of pods) await editPod(pod, { finalizers: null });
    await figures(name, [2, 2, 2, 1, 2]);
  });

  test('a new round begins while the one before still waits for its traffic', async () => {
    const name = 'rounds';
    const finalizer = 'prot.podopslifecycle.kusionstack.io/traffic';
    await create(name, {});
    const [pod] = await serving(name, 1);
    const expectedFinalizers = JSON.stringify({ expectedFinalizers: { 'Service/default/x': finalizer } });
    const annotations = { [AVAILABLE_CONDITIONS_ANNOTATION]: expectedFinalizers };
    await editPod(pod, { finalizers: [finalizer], annotations });
    await serving(name, 1);
    await edit(name, { template: template(name, 'app:v2') });
    await figures(name, [1, 0, 0, 0, 1]);
    await editPod(pod, { finalizers: null });
    const operated = (image: string) =>
      eventually(async () => {
        const { metadata, spec } = await client.get(PODS, ref(pod?.metadata.name ?? ''));
        expect(spec.containers[0]?.image).toBe(image);
        expect(metadata.labels).toHaveProperty([stageLabel('operated', COLLASET_OPERATION_ID)]);
      });
    await operated('app:v2');
    await edit(name, { template: template(name, 'app:v3') });
    await operated('app:v3');
    await editPod(pod, { finalizers: [finalizer] });
    await serving(name, 1);
    await editPod(pod, { finalizers: null });
  });

  test('by sequence, one at a time under a PodTransitionRule, never fewer than asked for', async () => {
    const name = 'ruled';
    const naming = { podNamingSuffixPolicy: 'PersistentSequence' };
    await create(name, { replicas: 2, namingStrategy: naming });
    await serving(name, 2);
    const rule = {
      metadata: ref(name),
      spec: {
        selector: { matchLabels: { app: name } },
        rules: [{ name: 'one', availablePolicy: { maxUnavailableValue: 1 } }],
      },
    };
    await client.create(POD_TRANSITION_RULES, rule as unknown as PodTransitionRule);
    await eventually(async () => {
      const { status } = await client.get(POD_TRANSITION_RULES, ref(name));
      expect(status?.targets).toHaveLength(2);
    });
    let least = 2;
    let isDone = false;
    const watch = (async () => {
      while (!isDone) {
        const available = (await podsOf(name)).filter(({ metadata }) => metadata.labels?.[SERVICE_AVAILABLE_LABEL]);
        least = Math.min(least, available.length);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    })();
    await edit(name, { template: template(name, 'app:v1', { env: [{ name: 'test', value: 'bar' }] }) });
    await serving(name, 2).finally(() => {
      isDone = true;
    });
    await watch;
    expect(least).toBeGreaterThanOrEqual(1);
    await client.delete(POD_TRANSITION_RULES, ref(name));
    await eventually(() => expect(client.get(POD_TRANSITION_RULES, ref(name))).rejects.toBeInstanceOf(NotFoundError));
  });

  test('a template the API server refuses costs no Pod, and is told in condition and Event; mended, it goes on', async () => {
    const name = 'refused';
    await create(name, { replicas: 2 });
    const before = await serving(name, 2);
    await edit(name, { template: template(name, 'app:v2', { volumeMounts: [{ name: 'none', mountPath: '/x' }] }) });
    await eventually(async () => {
      const condition = await conditionOf(name, 'Update');
      expect([condition?.status, condition?.reason]).toEqual(['False', 'UpdateFailed']);
      expect(condition?.message).toContain('spec.containers[0].volumeMounts[0].name: Not found: "none"');
      expect((await conditionOf(name, 'Stalled'))?.status).toBe('True');
    });
    await eventually(async () => {
      const events = await cluster.kubectl(['get', 'events', '-o', 'json']);
      expect(events).toContain('volumeMounts[0].name');
    });
    expect(uids(await serving(name, 2, 0))).toEqual(uids(before));
    await edit(name, { template: template(name, 'app:v2', { volumeMounts: [] }) });
    expect(uids(await serving(name, 2))).toEqual(uids(before));
  });
});

describe('claims', () => {
  const claims = (storage: string, more: object = {}) => ({
    volumeClaimTemplates: [
      {
        metadata: { name: 'data' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, ...more },
      },
    ],
  });
  const names = (items: Awaited<ReturnType<typeof claimsOf>>) => items.map(({ metadata }) => metadata.name).toSorted();

  test('grow where they are if their class allows it: no Pod is touched, status.capacity follows', async () => {
    const name = 'growing';
    await create(name, { replicas: 2, ...claims('1Mi') });
    const before = { pods: uids(await serving(name, 2)), claims: names(await claimsOf(name)) };
    await eventually(async () => {
      for (const { status } of await claimsOf(name)) expect(status?.phase).toBe('Bound');
    });
    await edit(name, claims('2Mi'));
    await eventually(async () => {
      const grown = await claimsOf(name);
      expect(grown.map(({ status }) => (status?.capacity as { storage?: string })?.storage)).toEqual(['2Mi', '2Mi']);
    });
    expect({ pods: uids(await serving(name, 2)), claims: names(await claimsOf(name)) }).toEqual(before);
  });

  test('are new ones of the new size where it does not', async () => {
    const name = 'fixed';
    const storageClass = {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'fixed' },
      provisioner: 'kuperator.local/simulated',
      volumeBindingMode: 'WaitForFirstConsumer',
    };
    await cluster.kubectl(['apply', '-f', '-'], JSON.stringify(storageClass));
    const fixed = { storageClassName: 'fixed' };
    await create(name, { replicas: 2, ...claims('1Mi', fixed) });
    await serving(name, 2);
    const before = names(await claimsOf(name));
    const { status } = await client.get(COLLA_SETS, ref(name));
    await edit(name, claims('2Mi', fixed));
    await eventually(async () => {
      await serving(name, 2);
      const after = await claimsOf(name);
      expect(after).toHaveLength(2);
      expect(names(after).filter((claim) => before.includes(claim))).toEqual([]);
      expect(after.map(({ spec }) => spec.resources?.requests?.storage)).toEqual(['2Mi', '2Mi']);
    });
    expect((await client.get(COLLA_SETS, ref(name))).status?.updatedRevision).not.toBe(status?.updatedRevision);
  });
});

describe('status', () => {
  test('kubectl scale and a HorizontalPodAutoscaler find the set', async () => {
    const name = 'scaled';
    await create(name, { replicas: 1 });
    await serving(name, 1);
    await cluster.kubectl(['scale', 'collaset', name, '--replicas=2']);
    await serving(name, 2);
    const scaleTargetRef = { apiVersion: 'apps.kusionstack.io/v1alpha1', kind: 'CollaSet', name };
    const metrics = [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
    ];
    const scaler = {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: ref(name),
      spec: { scaleTargetRef, minReplicas: 3, maxReplicas: 5, metrics },
    };
    await cluster.kubectl(['apply', '-f', '-'], JSON.stringify(scaler));
    await serving(name, 3);
    await eventually(async () => {
      const { status } = JSON.parse(await cluster.kubectl(['get', 'hpa', name, '-o', 'json']));
      expect(status.currentReplicas).toBe(3);
      const able = status.conditions.find(({ type }: { type: string }) => type === 'AbleToScale');
      expect([able.status, able.reason]).toEqual(['True', 'SucceededGetScale']);
    });
    await cluster.kubectl(['delete', 'hpa', name]);
  });

  test('Pods count as available once they were ready for minReadySeconds', async () => {
    const name = 'settling';
    await create(name, { minReadySeconds: 4 });
    await figures(name, [1, 1, 0, 1, 1]);
    expect((await conditionOf(name, 'Available'))?.status).toBe('False');
    const [pod] = await serving(name, 1);
    const since = pod?.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? '';
    expect(Date.now() - Date.parse(since)).toBeGreaterThanOrEqual(4000);
    expect((await conditionOf(name, 'Available'))?.status).toBe('True');
  });

  test('says when it makes no progress in time, and takes it back', async () => {
    const name = 'stalling';
    await create(name, { template: template(name, 'app:non-exist'), progressDeadlineSeconds: 2 });
    await eventually(async () => {
      const [progressing, stalled] = [await conditionOf(name, 'Progressing'), await conditionOf(name, 'Stalled')];
      expect([progressing?.status, progressing?.reason]).toEqual(['False', 'ProgressDeadlineExceeded']);
      expect(stalled?.status).toBe('True');
    });
    await edit(name, { template: template(name, 'app:v1') });
    await serving(name, 1);
    await eventually(async () => {
      for (const [type, status] of [
        ['Available', 'True'],
        ['Progressing', 'True'],
        ['Reconciling', 'False'],
        ['Stalled', 'False'],
      ] as const)
        expect((await conditionOf(name, type))?.status, type).toBe(status);
    });
  });

  test('a set at rest is not written to', async () => {
    const name = 'resting';
    await create(name, { replicas: 2 });
    await serving(name, 2);
    await eventually(async () => expect((await conditionOf(name, 'Progressing'))?.reason).toBe('Complete'));
    const { metadata } = await client.get(COLLA_SETS, ref(name));
    const [pod] = await podsOf(name);
    await editPod(pod, { annotations: { touched: 'true' } });
    await create('resting-after', {});
    await serving('resting-after', 1);
    expect((await client.get(COLLA_SETS, ref(name))).metadata.resourceVersion).toBe(metadata.resourceVersion);
  });
});

describe('deletion', () => {
  test('in the foreground it ends, with nothing left', async () => {
    const name = 'foreground';
    await create(name, { replicas: 2 });
    await serving(name, 2);
    await client.delete(COLLA_SETS, ref(name), { propagationPolicy: 'Foreground' });
    await eventually(() => expect(client.get(COLLA_SETS, ref(name))).rejects.toBeInstanceOf(NotFoundError));
    expect(await podsOf(name)).toEqual([]);
    await expect(client.get(RESOURCE_CONTEXTS, ref(name))).rejects.toBeInstanceOf(NotFoundError);
  });

  test('orphaned Pods belong to nobody; a new set of the name makes its own and takes the revisions over', async () => {
    const name = 'orphaned';
    await create(name, { replicas: 2 });
    const orphans = await serving(name, 2);
    await client.delete(COLLA_SETS, ref(name), { propagationPolicy: 'Orphan' });
    // The garbage collector takes `orphan` off, in a young cluster only after half a minute.
    await eventually(() => expect(client.get(COLLA_SETS, ref(name))).rejects.toBeInstanceOf(NotFoundError), 90_000);
    for (const pod of await podsOf(name)) expect(controllerOf(pod)).toBeUndefined();
    expect(uids(await podsOf(name))).toEqual(uids(orphans));
    await create(name, { replicas: 2 });
    await eventually(async () => {
      const { metadata, status } = await client.get(COLLA_SETS, ref(name));
      expect(status).toMatchObject({ replicas: 2, availableReplicas: 2, updatedReplicas: 2 });
      const revision = await client.get(CONTROLLER_REVISIONS, ref(status?.updatedRevision ?? ''));
      expect(controllerOf(revision)?.uid).toBe(metadata.uid);
    });
    const all = await podsOf(name);
    expect(all).toHaveLength(4);
    expect(
      all
        .filter((pod) => controllerOf(pod) === undefined)
        .map(({ metadata }) => metadata.uid)
        .toSorted(),
    ).toEqual(uids(orphans).toSorted());
  }, 150_000);
});
