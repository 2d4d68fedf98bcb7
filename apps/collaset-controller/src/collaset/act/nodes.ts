import { type KubeObject, own, type PodSpec, type Resource } from '@kuperator/api';
import { type Clock, ForbiddenError, type KubeClient, NotFoundError } from '@kuperator/runtime';
import { type Total, totalOf } from '../plan/resources.ts';
import { nanosOf } from '../revision/quantity.ts';

type Taint = { readonly key: string; readonly value?: string; readonly effect: string };
type Toleration = {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
};
export type Node = KubeObject & {
  readonly spec?: { readonly unschedulable?: boolean; readonly taints?: readonly Taint[] };
  readonly status?: { readonly allocatable?: Readonly<Record<string, string>> };
};

const NODES: Resource<Node> = { group: '', version: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };

/** How long answers about nodes are cached. Nodes are not watched, because they matter only when Pods become larger. */
const REMEMBERED_MS = 30_000;

export type Nodes = {
  /** Says which resource of the node is too small for the Pod; undefined if none is, or the node is unknown. */
  shortage(spec: PodSpec, node: string): Promise<string | undefined>;
  /** True if some node could run the Pod if it were empty; undefined if that is unknown. */
  fits(spec: PodSpec): Promise<boolean | undefined>;
};

export function nodes({ client, clock }: { client: Pick<KubeClient, 'get' | 'list'>; clock: Clock }): Nodes {
  const known = new Map<string, { node: Node | undefined; atMs: number }>();
  let all: { nodes: readonly Node[] | undefined; atMs: number } | undefined;
  const isFresh = (entry: { atMs: number } | undefined) =>
    entry !== undefined && clock.monotonic() - entry.atMs < REMEMBERED_MS;

  async function nodeNamed(name: string): Promise<Node | undefined> {
    const last = known.get(name);
    if (last && isFresh(last)) return last.node;
    // Bound the size of the cache. A node that is forgotten is read again.
    if (known.size > 1000) known.clear();
    const node = await unlessForbidden(() => client.get(NODES, { name }));
    known.set(name, { node, atMs: clock.monotonic() });
    return node;
  }

  async function allNodes(): Promise<readonly Node[] | undefined> {
    if (all && isFresh(all)) return all.nodes;
    const list = await unlessForbidden(() => client.list(NODES, {}));
    all = { nodes: list?.items.map(trim), atMs: clock.monotonic() };
    return all.nodes;
  }

  return {
    async shortage(spec, name) {
      const node = await nodeNamed(name);
      const lack = node && lackOf(totalOf(spec, 'requests'), node);
      return lack && `the Pod asks for ${lack.asks} ${lack.resource}, but node ${name} has ${lack.has} in total`;
    },
    async fits(spec) {
      const candidates = await allNodes();
      if (!candidates) return undefined;
      const total = totalOf(spec, 'requests');
      return candidates.some((node) => mayTake(node, spec) && !lackOf(total, node));
    },
  };
}

/** Returns undefined if the controller may not read nodes, as in an installation that is limited to one namespace. */
async function unlessForbidden<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof NotFoundError || error instanceof ForbiddenError) return undefined;
    throw error;
  }
}

function trim({ metadata, spec, status }: Node): Node {
  const { name = '', labels = {} } = metadata;
  return {
    metadata: { name, labels },
    ...(spec ? { spec } : {}),
    ...(status?.allocatable ? { status: { allocatable: status.allocatable } } : {}),
  };
}

function lackOf(total: Total, { status }: Node): { resource: string; asks: number; has: string } | undefined {
  // A node that has not reported its size yet does not count as too small.
  if (!status?.allocatable) return undefined;
  for (const [resource, nanos] of total) {
    const has = own(status.allocatable, resource) ?? '0';
    if (nanos > (nanosOf(has) ?? 0n)) return { resource, asks: Number(nanos) / 1e9, has };
  }
  return undefined;
}

/**
 * True if the node accepts the Pod. The function does not evaluate required node affinity: for a Pod that has one, no node counts as
 * accepting it.
 */
function mayTake({ metadata, spec }: Node, pod: PodSpec): boolean {
  if (spec?.unschedulable) return false;
  const affinity = pod.affinity as { nodeAffinity?: Record<string, unknown> } | undefined;
  if (affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution !== undefined) return false;
  const selector = (pod.nodeSelector ?? {}) as Record<string, string>;
  if (!Object.entries(selector).every(([key, value]) => own(metadata.labels, key) === value)) return false;
  const tolerations = (pod.tolerations ?? []) as readonly Toleration[];
  return (spec?.taints ?? [])
    .filter(({ effect }) => effect !== 'PreferNoSchedule')
    .every((taint) => tolerations.some((toleration) => tolerates(toleration, taint)));
}

function tolerates({ key, operator = 'Equal', value = '', effect }: Toleration, taint: Taint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  return operator === 'Exists' || (key === taint.key && value === (taint.value ?? ''));
}
