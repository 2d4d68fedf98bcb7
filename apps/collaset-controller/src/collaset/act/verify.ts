// Reads from the API server what must not be decided from a cache that may be behind. Caches of different kinds are never compared with
// each other: see docs/decisions/0017-fresh-reads-before-data-is-deleted.md.
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

/** Confirms by fresh reads what actions rest on. Returns the actions that may be written. */
export type Verify = (pass: Pass, actions: readonly Action[]) => Promise<readonly Action[]>;

/**
 * Makes sure that what creations rest on is not behind: that a Pod which the context speaks of is gone, that an origin is still there and
 * has no new Pod, that no other replica went on with an earlier attempt.
 * @throws ConflictError when it was behind; the caches have caught up
 */
export const creationsAreSafe: Verify = async ({ deps, set, memory }, actions) => {
  const creations = actionsOf(actions, 'createPod').map(({ creation }) => creation);
  const isReused = actionsOf(actions, 'include').some((action) => action.isReused);
  const seen = contextOf(deps, set);
  // A set that had Pods and has no context lost it.
  const isLost = !seen && creations.length > 0 && (set.status?.replicas ?? 0) > 0;
  const restsOnPods = creations.some(({ needsPods, origin }) => needsPods || origin) || isReused;
  if (isLost || restsOnPods) await seePods(deps, set, memory);
  const isResumed = creations.some(({ needsContext }) => needsContext);
  // A write of the context in this pass is refused if the context was stale: no need to read it first.
  const isWritten = actions.some((action) => action.do === 'writeContext');
  if (seen && isResumed && !isWritten) await seeContext(deps, set, memory);
  return actions;
};

/** @throws ConflictError when claims that new Pods could get were not in the cache; it has caught up */
export const claimsAreSeen: Verify = async ({ deps, set, memory }, actions) => {
  const getsClaims = actionsOf(actions, 'createPod').some(({ revision }) => (revision?.claimTemplates.length ?? 0) > 0);
  if (getsClaims) await seeClaims(deps, set, memory);
  return actions;
};

const NOT_CURRENT = 'CacheNotCurrent';
/** How soon to look again whether the caches are current. */
const BLIND_MS = 1000;

/**
 * Drops deletions for a scale-in while the caches are not known to be current: the user may want the Pods again by now.
 * @throws ConflictError when the set has changed; the cache has caught up
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
    const message = `no Pod is deleted: the collaset-controller cannot tell whether its cache of ${blindTo.join(', ')} is current`;
    if (!told.has(NOT_CURRENT)) recorder.warn(pass.set, NOT_CURRENT, message);
    told.add(NOT_CURRENT);
    pass.wakeAfter(BLIND_MS);
    return actions.filter((action) => action.do !== 'delete');
  }
  const key = keyOf(pass.set);
  if (sets.get(key)?.metadata.generation !== generation) throw staleCache(`CollaSet ${key} was stale`);
  return actions;
};

/** Pods that are not under control are not watched: whether one still mounts a claim is asked again after this. */
const HELD_MS = 30_000;

/**
 * Drops deletions of claims that are used after all. What goes is decided from fresh reads, which are expensive: the plan asks for them
 * at most every `statusIntervalMs` for a set.
 * @throws ConflictError when set or context were stale; the caches have caught up
 */
export const claimsAreUnused: Verify = async (pass, actions) => {
  const { deps, set, memory } = pass;
  const [first] = actionsOf(actions, 'deleteClaim');
  if (!first) return actions;
  const nowMs = deps.clock.monotonic();
  memory.claimsCheckedMs = nowMs;
  const { claims, held } = await verifyUnused(deps, set, first.use, memory);
  for (const [uid, untilMs] of memory.heldClaims) if (untilMs <= nowMs) memory.heldClaims.delete(uid);
  for (const [{ metadata }, pod] of held) {
    const { uid = '', name } = metadata;
    memory.heldClaims.set(uid, nowMs + HELD_MS);
    if (memory.toldClaims.has(`${uid}/held`)) continue;
    memory.toldClaims.add(`${uid}/held`);
    deps.recorder.normal(
      set,
      'ClaimInUse',
      `claim ${name} is not needed any more and stays while Pod ${pod} mounts it`,
    );
  }
  if (held.size > 0) pass.wakeAfter(HELD_MS);
  return actions.filter((action) => action.do !== 'deleteClaim' || claims.includes(action.claim));
};

type Unused = {
  readonly claims: readonly PersistentVolumeClaim[];
  /** Claims that would be unused, and the Pod that mounts each. */
  readonly held: ReadonlyMap<PersistentVolumeClaim, string>;
};

/**
 * Which of the claims that the caches show as unused are so in fact. Asks for the set, since its retention policy decides, for its
 * context and for every Pod of the namespace: Pods that are not under control mount claims, too.
 * @throws ConflictError when set or context were stale; the caches have caught up
 */
async function verifyUnused(deps: Deps, set: CollaSet, use: ClaimUse, memory: ActMemory): Promise<Unused> {
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

/** @throws ConflictError when the set is not as the pass sees it; the cache has caught up */
async function seeSet(deps: Deps, set: CollaSet): Promise<void> {
  const { uid, generation } = set.metadata;
  const fresh = await present(deps, COLLA_SETS, set.metadata);
  if (fresh) deps.sets.observe(fresh);
  const isSame = fresh?.metadata.uid === uid && fresh?.metadata.generation === generation;
  if (fresh && isSame && !isTerminating(fresh)) return;
  throw staleCache(`CollaSet ${keyOf(set)} was stale`);
}

/**
 * Makes sure that the ResourceContext is as the cache shows it.
 * @throws ConflictError when it was not; the cache has caught up
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
 * Brings the cache up to date in the set's Pods, once for each term: before the term others may have created Pods that the cache does
 * not show yet, since then every creation is ours and was put into the cache when it was answered.
 * @throws ConflictError when the cache was behind
 */
async function seePods(deps: Deps, set: CollaSet, memory: ActMemory): Promise<void> {
  if (memory.sawPods) return;
  const selector = set.spec.selector ?? {};
  const facts = (pod: Pod) => [isTerminating(pod), isTerminal(pod), instanceIdOf(pod)];
  const hasMoved = await seeAll(deps, { resource: PODS, cache: deps.pods, set, selector, facts });
  memory.sawPods = true;
  if (hasMoved) throw staleCache(`the Pod cache was behind in Pods of ${keyOf(set)}`);
}

/**
 * Brings the cache up to date in the set's claims, and in those it could adopt, once for each term. Before a claim is created, since an
 * empty volume must not take the place of one that the cache does not show yet; and before the set's claims are let go, since the
 * garbage collector takes those that are forgotten.
 * @throws ConflictError when the cache was behind
 */
export async function seeClaims(deps: Deps, set: CollaSet, memory: ActMemory): Promise<void> {
  if (memory.sawClaims) return;
  // A set that is deleted has the claims of every selector it ever had.
  const { matchLabels } = (isTerminating(set) ? undefined : set.spec.selector) ?? {};
  const selector = matchLabels ? { matchLabels } : {};
  const facts = (claim: PersistentVolumeClaim) => [
    isTerminating(claim),
    claim.metadata.labels?.[INSTANCE_ID_LABEL],
    claim.metadata.ownerReferences?.map((owner) => owner.uid),
  ];
  const hasMoved = await seeAll(deps, { resource: PERSISTENT_VOLUME_CLAIMS, cache: deps.claims, set, selector, facts });
  memory.sawClaims = true;
  if (hasMoved) throw staleCache(`the claim cache was behind in claims of ${keyOf(set)}`);
}

type Listing<T extends KubeObject> = {
  readonly resource: Resource<T>;
  readonly cache: Cache<T>;
  readonly set: CollaSet;
  readonly selector: LabelSelector;
  /** What decisions rest on; anything else may be behind. */
  readonly facts: (object: T) => readonly unknown[];
};

/** Lists the objects under control that the selector matches, and answers whether the cache was behind in any of the set's. */
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
    // What the cache does not take was deleted after the list.
    hasMoved ||= factsOf(cache.get(key)) !== before;
  }
  const listed = new Set(items.map(({ metadata }) => metadata.uid));
  for (const object of cache.byIndex(BY_OWNER, uid)) {
    if (listed.has(object.metadata.uid)) continue;
    // Gone, or its labels have changed: a uid that is taken for gone does not come back.
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
