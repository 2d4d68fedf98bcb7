// Reads from the API server what a stale cache must not decide. Caches of different kinds are never compared with each other, see
// docs/decisions/0017-fresh-reads-before-data-is-deleted.md.
import {
  COLLA_SETS,
  CONTROL_LABEL,
  type CollaSet,
  contextNameOf,
  controllerOf,
  INSTANCE_ID_LABEL,
  isTerminal,
  isTerminating,
  type KubeObject,
  keyOf,
  type LabelSelector,
  PERSISTENT_VOLUME_CLAIMS,
  type PersistentVolumeClaim,
  PODS,
  type Pod,
  RESOURCE_CONTEXTS,
  type Resource,
  selectorToString,
} from '@kuperator/api';
import { NotFoundError } from '@kuperator/runtime';
import { type ClaimUse, claimNamesOf, unusedClaims } from '../claims/claims.ts';
import { idsOf } from '../ids/instance-id.ts';
import { instanceIdOf, isActive } from '../ids/members.ts';
import { type Action, actionsOf } from '../plan/action.ts';
import { contextOf } from './context-writes.ts';
import { BY_OWNER, type Cache, type Deps } from './deps.ts';
import type { ActMemory } from './memory.ts';
import type { Pass } from './pass.ts';
import { staleCache } from './pod-writes.ts';

/** Confirms by fresh reads that actions are safe. Returns the actions that may be written. */
export type Verify = (pass: Pass, actions: readonly Action[]) => Promise<readonly Action[]>;

/**
 * Confirms that creations and inclusions are safe: the earlier Pod that the context records is gone, an origin still exists and has no
 * successor, and no other replica continued an earlier attempt.
 * @throws ConflictError if a cache was stale. It is up to date afterwards.
 */
export const creationsAreSafe: Verify = async ({ deps, set, memory }, actions) => {
  const creations = actionsOf(actions, 'createPod').map(({ creation }) => creation);
  const isReused = actionsOf(actions, 'include').some((action) => action.isReused);
  const seen = contextOf(deps, set);
  // If the set had Pods and has no context, the context was lost.
  const isLost = !seen && creations.length > 0 && (set.status?.replicas ?? 0) > 0;
  const restsOnPods = creations.some(({ needsPods, origin }) => needsPods || origin) || isReused;
  if (isLost || restsOnPods) await seePods(deps, set, memory);
  const isResumed = creations.some(({ needsContext }) => needsContext);
  // If this pass writes the context, a stale one is refused anyway and need not be read first.
  const isWritten = actions.some((action) => action.do === 'writeContext');
  if (seen && isResumed && !isWritten) await seeContext(deps, set, memory);
  return actions;
};

/**
 * Confirms that the cache has all claims that new Pods may get.
 * @throws ConflictError if the cache was stale. It is up to date afterwards.
 */
export const claimsAreSeen: Verify = async ({ deps, set, memory }, actions) => {
  const getsClaims = actionsOf(actions, 'createPod').some(({ revision }) => (revision?.claimTemplates.length ?? 0) > 0);
  if (getsClaims) await seeClaims(deps, set, memory);
  return actions;
};

const NOT_CURRENT = 'CacheNotCurrent';
/** When to check again whether the caches are current. */
const BLIND_MS = 1000;

/**
 * Drops the deletions of a scale-in while the caches may be stale, because the user may want the Pods again by now.
 * @throws ConflictError if the set has changed. The cache is up to date afterwards.
 */
export const scaleInIsCurrent: Verify = async (pass, actions) => {
  const { sight, sets, recorder } = pass.deps;
  const { told } = pass.memory;
  const { namespace = '', generation } = pass.set.metadata;
  if (sight.isClear(namespace)) {
    told.delete(NOT_CURRENT);
    return actions;
  }
  const blindTo = await sight.blindTo(namespace);
  if (blindTo.length > 0) {
    const message = `the scale-in deletes no Pod, because the collaset-controller cannot tell whether its cache of ${blindTo.join(', ')} is current`;
    if (!told.has(NOT_CURRENT)) recorder.warn(pass.set, NOT_CURRENT, message);
    told.add(NOT_CURRENT);
    pass.wakeAfter(BLIND_MS);
    return actions.filter((action) => action.do !== 'delete');
  }
  const key = keyOf(pass.set);
  if (sets.get(key)?.metadata.generation !== generation) throw staleCache(`CollaSet ${key} was stale`);
  return actions;
};

/** When to check again whether a Pod outside the cache still mounts a claim. Pods without the control label are not watched. */
const HELD_MS = 30_000;

/**
 * Drops the deletions of claims that are in use according to fresh reads. The reads are expensive, so the plan deletes claims at most every
 * `statusIntervalMs` for a set.
 * @throws ConflictError if the set or its context was stale. The caches are up to date afterwards.
 */
export const claimsAreUnused: Verify = async (pass, actions) => {
  const { deps, set, memory } = pass;
  const [first] = actionsOf(actions, 'deleteClaim');
  if (!first) return actions;
  const nowMs = deps.clock.monotonic();
  memory.claimsCheckedMs = nowMs;
  const { claims, held } = await verifyUnused(pass, first.use);
  for (const [uid, untilMs] of memory.heldClaims) if (untilMs <= nowMs) memory.heldClaims.delete(uid);
  for (const [{ metadata }, pod] of held) {
    const { uid = '', name } = metadata;
    memory.heldClaims.set(uid, nowMs + HELD_MS);
    if (memory.toldClaims.has(`${uid}/held`)) continue;
    memory.toldClaims.add(`${uid}/held`);
    deps.recorder.normal(set, 'ClaimInUse', `claim ${name} is no longer needed, but stays while Pod ${pod} mounts it`);
  }
  if (held.size > 0) pass.wakeAfter(HELD_MS);
  return actions.filter((action) => action.do !== 'deleteClaim' || claims.includes(action.claim));
};

type Unused = {
  readonly claims: readonly PersistentVolumeClaim[];
  /** Claims that the set does not use but another Pod mounts, and the name of that Pod. */
  readonly held: ReadonlyMap<PersistentVolumeClaim, string>;
};

/**
 * Confirms which claims are unused. Reads the set, because its retention policy decides; its context; and every Pod of the namespace,
 * because Pods without the control label mount claims too.
 * @throws ConflictError if the set or its context was stale. The caches are up to date afterwards.
 */
async function verifyUnused({ deps, set, memory }: Pass, use: ClaimUse): Promise<Unused> {
  await seeSet(deps, set);
  await seeContext(deps, set, { ...memory, contextVersion: undefined });
  const { namespace = '', uid } = set.metadata;
  const { items } = await deps.client.list(PODS, { namespace });
  const mounts = new Map(items.flatMap((pod) => claimNamesOf(pod).map((name) => [name, pod.metadata.name ?? ''])));
  const pods = items.filter((pod) => controllerOf(pod)?.uid === uid);
  for (const pod of pods) deps.pods.observe(pod);
  const living = idsOf(pods.filter(isActive));
  const ended = new Set([...use.ended].filter((id) => !living.has(id)));
  const unused = unusedClaims(set, { ...use, pods, ended });
  const held = new Map<PersistentVolumeClaim, string>();
  for (const claim of unused) {
    const mountedBy = mounts.get(claim.metadata.name ?? '');
    if (mountedBy !== undefined) held.set(claim, mountedBy);
  }
  return { claims: unused.filter((claim) => !held.has(claim)), held };
}

/** @throws ConflictError if the set has changed since the pass started. The cache is up to date afterwards. */
async function seeSet(deps: Deps, set: CollaSet): Promise<void> {
  const { uid, generation } = set.metadata;
  const fresh = await present(deps, COLLA_SETS, set.metadata);
  if (fresh) deps.sets.observe(fresh);
  const isSame = fresh?.metadata.uid === uid && fresh?.metadata.generation === generation;
  if (fresh && isSame && !isTerminating(fresh)) return;
  throw staleCache(`CollaSet ${keyOf(set)} was stale`);
}

/**
 * Confirms that the cached ResourceContext is the latest version.
 * @throws ConflictError if it was stale. The cache is up to date afterwards.
 */
export async function seeContext(deps: Deps, set: CollaSet, memory: Pick<ActMemory, 'contextVersion'>): Promise<void> {
  const seen = contextOf(deps, set);
  const version = seen?.metadata.resourceVersion;
  if (seen && memory.contextVersion === version) return;
  const { namespace } = set.metadata;
  const fresh = await present(deps, RESOURCE_CONTEXTS, { namespace, name: contextNameOf(set) });
  memory.contextVersion = fresh?.metadata.resourceVersion;
  if (fresh) deps.contexts.observe(fresh);
  else if (seen) deps.contexts.observeGone(keyOf(seen), seen.metadata.uid ?? '');
  if (fresh?.metadata.resourceVersion !== version) throw staleCache(`the ResourceContext of ${keyOf(set)} was stale`);
}

/**
 * Refreshes the cached Pods of the set, once in each term. Before the term, another replica may have created Pods that the cache does not
 * show yet. During the term, only this replica creates Pods, and it adds them to the cache itself.
 * @throws ConflictError if the cache was stale
 */
async function seePods(deps: Deps, set: CollaSet, memory: ActMemory): Promise<void> {
  if (memory.sawPods) return;
  const selector = set.spec.selector ?? {};
  const facts = (pod: Pod) => [isTerminating(pod), isTerminal(pod), instanceIdOf(pod)];
  const hasMoved = await seeAll(deps, { resource: PODS, cache: deps.pods, set, selector, facts });
  memory.sawPods = true;
  if (hasMoved) throw staleCache(`the cache of the Pods of ${keyOf(set)} was stale`);
}

/**
 * Refreshes the cached claims of the set, and those that it could adopt, once in each term. This is needed before a claim is created, because
 * an empty volume must not replace one that the cache does not show yet, and before a deleted set releases its claims, because the garbage
 * collector deletes those that it misses.
 * @throws ConflictError if the cache was stale
 */
export async function seeClaims(deps: Deps, set: CollaSet, memory: ActMemory): Promise<void> {
  if (memory.sawClaims) return;
  // A deleted set releases all its claims, and these may have the labels of an earlier selector.
  const { matchLabels } = (isTerminating(set) ? undefined : set.spec.selector) ?? {};
  const selector = matchLabels ? { matchLabels } : {};
  const facts = (claim: PersistentVolumeClaim) => [
    isTerminating(claim),
    claim.metadata.labels?.[INSTANCE_ID_LABEL],
    claim.metadata.ownerReferences?.map((owner) => owner.uid),
  ];
  const hasMoved = await seeAll(deps, { resource: PERSISTENT_VOLUME_CLAIMS, cache: deps.claims, set, selector, facts });
  memory.sawClaims = true;
  if (hasMoved) throw staleCache(`the cache of the claims of ${keyOf(set)} was stale`);
}

type Listing<T extends KubeObject> = {
  readonly resource: Resource<T>;
  readonly cache: Cache<T>;
  readonly set: CollaSet;
  readonly selector: LabelSelector;
  /** The values that decisions depend on. The cache may be stale in all others. */
  readonly facts: (object: T) => readonly unknown[];
};

/** Lists the objects with the control label that the selector matches. Returns true if the cache was stale. */
async function seeAll<T extends KubeObject>(
  deps: Deps,
  { resource, cache, set, selector, facts }: Listing<T>,
): Promise<boolean> {
  const { namespace = '', uid = '' } = set.metadata;
  const labelSelector = [`${CONTROL_LABEL}=true`, selectorToString(selector)].filter(Boolean).join(',');
  const { items } = await deps.client.list(resource, { namespace, labelSelector });
  const factsOf = (object: T | undefined) => {
    return object && JSON.stringify([object.metadata.uid, controllerOf(object)?.uid, ...facts(object)]);
  };
  let hasMoved = false;
  for (const item of items) {
    const key = keyOf(item);
    const before = factsOf(cache.get(key));
    cache.observe(item);
    // If the cache does not accept the item, the object was deleted after the list.
    hasMoved ||= factsOf(cache.get(key)) !== before;
  }
  const listed = new Set(items.map(({ metadata }) => metadata.uid));
  for (const object of cache.byIndex(BY_OWNER, uid)) {
    if (listed.has(object.metadata.uid)) continue;
    // The object is gone, or its labels have changed. Read it, because the cache never accepts a uid again that was removed.
    const fresh = await present(deps, resource, object.metadata);
    if (fresh?.metadata.uid === object.metadata.uid) continue;
    cache.observeGone(keyOf(object), object.metadata.uid ?? '');
    hasMoved = true;
  }
  return hasMoved;
}

async function present<T extends KubeObject>(
  { client }: Deps,
  resource: Resource<T>,
  { namespace, name = '' }: { namespace?: string | undefined; name?: string },
): Promise<T | undefined> {
  try {
    return await client.get(resource, { namespace, name });
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
