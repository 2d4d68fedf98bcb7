// Looks at the API server where a decision rests on a cache that may be behind: after a hand-over, or a long silence.
import {
  CONTROL_LABEL,
  type CollaSet,
  contextNameOf,
  controllerOf,
  INSTANCE_ID_LABEL,
  keyOf,
  type PersistentVolumeClaim,
  PODS,
  type Pod,
  RESOURCE_CONTEXTS,
  type ResourceContext,
} from '@kuperator/api';
import { NotFoundError } from '@kuperator/runtime';
import type { ContextPlan } from './context.ts';
import { contextOf } from './context-writes.ts';
import { BY_OWNER, type Deps } from './deps.ts';
import { instanceIdOf } from './members.ts';
import type { SetMemory } from './memory.ts';
import { staleCache } from './pod-writes.ts';

/**
 * Makes sure that what creations rest on is not behind: that a Pod the context speaks of is gone, that an origin is still there and has
 * no new Pod, that nobody else went on with an earlier attempt.
 * @throws ConflictError when it was; the caches have caught up
 */
export async function verifyCreations(
  deps: Deps,
  set: CollaSet,
  seen: ResourceContext | undefined,
  plan: ContextPlan,
  memory: SetMemory,
): Promise<void> {
  if (!seen) return;
  const version = seen.metadata.resourceVersion ?? '0';
  const lost = plan.creations.filter(({ needsPods }) => needsPods).map(({ id }) => id);
  const origins = plan.creations.flatMap(({ origin }) => (origin && instanceIdOf(origin)) ?? []);
  // The Pod cache that has seen all up to this version has seen every Pod the context can speak of.
  await seePods(deps, set, [...lost, ...origins, ...plan.reused], version);
  const resumed = plan.creations.some(({ needsContext }) => needsContext);
  // A write of ours that this pass still needs is refused if the context was stale: no need to read it first.
  if (resumed && plan.change !== 'needed') await seeContext(deps, set, memory);
}

/**
 * Makes sure that claims nobody seems to need are not those of an id, or a Pod, that the caches do not show yet.
 * @throws ConflictError when they are; the caches have caught up
 */
export async function verifyUnused(
  deps: Deps,
  set: CollaSet,
  claims: readonly PersistentVolumeClaim[],
  memory: SetMemory,
): Promise<void> {
  if (claims.length === 0) return;
  await seeContext(deps, set, memory);
  const versions = claims.map(({ metadata }) => BigInt(metadata.resourceVersion ?? '0'));
  const latest = versions.reduce((a, b) => (a > b ? a : b));
  const ids = claims.map(({ metadata }) => Number(metadata.labels?.[INSTANCE_ID_LABEL]));
  await seePods(deps, set, ids, String(latest));
}

/**
 * Makes sure that the ResourceContext is as the cache shows it.
 * @throws ConflictError when it was not; the cache has caught up
 */
export async function seeContext(deps: Deps, set: CollaSet, memory: SetMemory): Promise<void> {
  const seen = contextOf(deps, set);
  const version = seen?.metadata.resourceVersion;
  if (seen && memory.contextVersion === version) return;
  const { namespace } = set.metadata;
  let fresh: ResourceContext | undefined;
  try {
    fresh = await deps.client.get(RESOURCE_CONTEXTS, { namespace, name: contextNameOf(set) });
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
  memory.contextVersion = fresh?.metadata.resourceVersion;
  if (fresh) deps.contexts.observe(fresh);
  else if (seen) deps.contexts.observeGone(keyOf(seen), seen.metadata.uid ?? '');
  if (fresh?.metadata.resourceVersion !== version) throw staleCache(`the ResourceContext of ${keyOf(set)} was stale`);
}

/** Brings the cache up to date in the Pods of these ids, unless it has seen everything up to `version`. */
async function seePods(deps: Deps, set: CollaSet, ids: readonly number[], version: string): Promise<void> {
  if (ids.length === 0 || deps.pods.resourceVersion() >= BigInt(version)) return;
  const wanted = new Set(ids);
  const selected = ids.length <= 50 ? `,${INSTANCE_ID_LABEL} in (${[...wanted].join(',')})` : '';
  const { namespace = '', uid = '' } = set.metadata;
  const { items } = await deps.client.list(PODS, { namespace, labelSelector: `${CONTROL_LABEL}=true${selected}` });
  const isOurs = (pod: Pod | undefined) => pod !== undefined && controllerOf(pod)?.uid === uid;
  let hasMoved = false;
  for (const pod of items) {
    const before = deps.pods.get(keyOf(pod));
    if (!isOurs(pod) && !isOurs(before)) continue;
    deps.pods.observe(pod);
    // What the cache does not take was deleted after the list.
    hasMoved ||= deps.pods.get(keyOf(pod))?.metadata.resourceVersion !== before?.metadata.resourceVersion;
  }
  const listed = new Set(items.map(({ metadata }) => metadata.uid));
  for (const pod of deps.pods.byIndex(BY_OWNER, uid)) {
    if (!wanted.has(instanceIdOf(pod) ?? -1) || listed.has(pod.metadata.uid)) continue;
    deps.pods.observeGone(keyOf(pod), pod.metadata.uid ?? '');
    hasMoved = true;
  }
  if (hasMoved) throw staleCache(`the Pod cache was behind in Pods of ${keyOf(set)}`);
}
