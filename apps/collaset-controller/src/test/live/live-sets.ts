// Functions for tests that use CollaSets of one namespace on a real API server, as a user does.
import {
  COLLA_SETS,
  type CollaSet,
  controllerOf,
  isTerminating,
  type KubeObject,
  PODS,
  type Pod,
  RESOURCE_CONTEXTS,
  type Resource,
} from '@kuperator/api';
import type { Cluster } from '@kuperator/cluster';
import { isServiceAvailable } from '@kuperator/lifecycle';
import { type DeleteOptions, type KubeClient, NotFoundError } from '@kuperator/runtime';
import { beforeAll, expect } from 'vitest';
import { eventually } from '../eventually.ts';
import { idOf, template } from './objects.ts';
import { NAMESPACES } from './resources.ts';

export type LiveSets = ReturnType<typeof liveSets>;

type Figures = readonly [replicas: number, ready: number, available: number, updated: number, pods: number];

/**
 * Functions for the tests of one `describe`, in a namespace of their own. The Pods of a set `web` have the label `app: web`.
 * @param connect returns the cluster. It is called while a test runs, because the cluster is not up before.
 */
export function liveSets(namespace: string, connect: () => { cluster: Cluster; client: KubeClient }) {
  const client = () => connect().client;
  const kubectl = (args: readonly string[], input?: string) =>
    connect().cluster.kubectl([`--namespace=${namespace}`, ...args], input);
  const ref = (name: string) => ({ namespace, name });

  beforeAll(async () => {
    await client().create(NAMESPACES, { metadata: { name: namespace } });
    // The API server admits no Pod before its service account exists.
    await kubectl(['wait', '--for=create', 'serviceaccount/default', '--timeout=60s']);
  });

  const get = <T extends KubeObject>(resource: Resource<T>, name: string) => client().get(resource, ref(name));

  async function create(name: string, spec: object): Promise<void> {
    const selector = { matchLabels: { app: name } };
    const set = { metadata: ref(name), spec: { replicas: 1, selector, template: template(name, 'app:v1'), ...spec } };
    await client().create(COLLA_SETS, set as unknown as CollaSet);
  }

  async function edit(name: string, spec: object): Promise<void> {
    await client().patch(COLLA_SETS, ref(name), { type: 'merge', body: { spec } });
  }

  async function editPod(name: string, metadata: object): Promise<void> {
    await client().patch(PODS, ref(name), { type: 'merge', body: { metadata } });
  }

  async function remove<T extends KubeObject>(resource: Resource<T>, name: string, options?: DeleteOptions) {
    await client().delete(resource, ref(name), options);
  }

  async function list<T extends KubeObject>(resource: Resource<T>, labelSelector?: string): Promise<readonly T[]> {
    const { items } = await client().list(resource, { namespace, ...(labelSelector ? { labelSelector } : {}) });
    return items;
  }

  /** Objects with the label of the set that are not terminating, sorted by instance id, whatever their owner. */
  async function labelled<T extends KubeObject>(resource: Resource<T>, name: string): Promise<readonly T[]> {
    const items = await list(resource, `app=${name}`);
    return items.filter((object) => !isTerminating(object)).toSorted((a, b) => idOf(a) - idOf(b));
  }

  async function ownedBy<T extends KubeObject>(resource: Resource<T>, name: string): Promise<readonly T[]> {
    return (await labelled(resource, name)).filter((object) => controllerOf(object)?.name === name);
  }

  async function hasFigures(name: string, expected: Figures): Promise<readonly Pod[]> {
    const { metadata, status } = await get(COLLA_SETS, name);
    expect(status?.observedGeneration).toBe(metadata.generation);
    const { replicas, readyReplicas, availableReplicas, updatedReplicas } = status ?? {};
    const pods = await ownedBy(PODS, name);
    expect([replicas, readyReplicas, availableReplicas, updatedReplicas, pods.length]).toEqual(expected);
    return pods;
  }

  /** Waits until the status and the Pods have these figures, which the test suite of the Go implementation also compares. */
  const figures = (name: string, expected: Figures) => eventually(() => hasFigures(name, expected));

  /** Waits until the set has `count` Pods, all in service and without operations, `updated` of them updated. */
  function serving(name: string, count: number, updated = count): Promise<readonly Pod[]> {
    return eventually(async () => {
      const pods = await hasFigures(name, [count, count, count, updated, count]);
      const { status } = await get(COLLA_SETS, name);
      expect(status).toMatchObject({ operatingReplicas: 0, terminatingReplicas: 0 });
      expect(pods.filter(isServiceAvailable)).toHaveLength(count);
      return pods;
    });
  }

  async function conditionOf(name: string, type: string) {
    const { status } = await get(COLLA_SETS, name);
    return status?.conditions?.find((condition) => condition.type === type);
  }

  /** Entries of the ResourceContext of that name. */
  async function entriesOf(context: string) {
    return (await get(RESOURCE_CONTEXTS, context)).spec.contexts ?? [];
  }

  /** Waits until the ResourceContext has exactly these ids. */
  const recorded = (context: string, ids: readonly number[]) =>
    eventually(async () => expect((await entriesOf(context)).map(({ id }) => id)).toEqual(ids));

  const isGone = <T extends KubeObject>(resource: Resource<T>, name: string, timeoutMs?: number) =>
    eventually(() => expect(get(resource, name)).rejects.toBeInstanceOf(NotFoundError), timeoutMs);

  return {
    client,
    kubectl,
    ref,
    get,
    create,
    edit,
    editPod,
    label: (pod: string, labels: Record<string, string | null>) => editPod(pod, { labels }),
    remove,
    list,
    labelled,
    ownedBy,
    figures,
    serving,
    conditionOf,
    entriesOf,
    recorded,
    isGone,
  };
}
