// Handles updates that the API server refuses, before and after they begin (docs/decisions/0022-updates-that-are-refused.md).
import type { Pod } from '@kuperator/api';
import { revisionNameOf } from '../ids/members.ts';
import { type InPlaceTransition, inPlacePatch, resizesFor, type Transition } from '../plan/in-place.ts';
import { cannotTry, isRefused, notedRefusal, refusalAfter, sentenceOf } from '../plan/refusal.ts';
import { includes, type Resize } from '../plan/resources.ts';
import type { Revision } from '../revision/revision-data.ts';
import type { Pass } from './pass.ts';
import { patchPod } from './pod-writes.ts';
import { type Obstacle, obstacleOf, recreateObstacle, resizeObstacle } from './probe.ts';

/** How long a write that fails without being refused is retried. After that, its Pod returns to service. */
const PATIENCE_MS = 30_000;

export const CHANGE = 'it cannot be changed in place';
export const RECREATE = 'it cannot be recreated';

type RefusedUpdate = {
  readonly pod: Pod;
  /** Name of the revision that the Pod was to be updated to. */
  readonly revision: string;
  readonly obstacle: Obstacle;
  /** True if the Pod was out of service for the update. */
  readonly wasOut: boolean;
};

/** Remembers the refusal of an update. The next pass decides what to do about it. */
export function refuse(pass: Pass, { pod, revision, obstacle, wasOut }: RefusedUpdate): void {
  const { memory, deps } = pass;
  const { uid = '' } = pod.metadata;
  const last = memory.refusals.get(uid) ?? memory.retried.get(uid) ?? notedRefusal(pod);
  memory.refusals.set(uid, refusalAfter(last, { ...obstacle, revision, wasOut, atMs: deps.clock.now() }));
  memory.troubles.delete(uid);
  pass.hasRefused = true;
}

type Attempt = {
  readonly pod: Pod;
  /** Start of the message if the write fails: what cannot be done. */
  readonly what: string;
  /** Name of the revision that the Pod is to be updated to. */
  readonly revision: string;
  /** True if recreating the Pod would not help either. */
  readonly isFixed?: boolean;
};

/**
 * Runs a write to a Pod that is out of service. If the write is refused, or fails for too long, it is remembered as refused, so that the Pod
 * can return to service.
 * @returns undefined if the write was refused
 * @throws other errors, so that the caller tries again
 */
export async function attempt<T extends object>(
  pass: Pass,
  { pod, what, revision, isFixed = false }: Attempt,
  run: () => Promise<T>,
): Promise<T | undefined> {
  const { deps, set, memory } = pass;
  const { uid = '' } = pod.metadata;
  const remember = (obstacle: Obstacle) => refuse(pass, { pod, revision, obstacle, wasOut: true });
  try {
    const result = await run();
    memory.troubles.delete(uid);
    return result;
  } catch (error) {
    const nowMs = deps.clock.monotonic();
    if (isRefused(error)) {
      const to = pass.revisions().get(revision) ?? updatedOf(pass);
      const found = await obstacleOf(deps, error, { set, what, from: originOf(pass, pod), to });
      remember({ ...found, canRecreate: found.canRecreate && !isFixed });
      return undefined;
    }
    const trouble = memory.troubles.get(uid);
    const sinceMs = trouble && nowMs - trouble.lastMs < PATIENCE_MS ? trouble.sinceMs : nowMs;
    memory.troubles.set(uid, { sinceMs, lastMs: nowMs });
    if (nowMs - sinceMs < PATIENCE_MS) throw error;
    remember({ reason: `${what}: ${sentenceOf(error)}`, canRecreate: false });
    return undefined;
  }
}

/** True if the update of the Pod may begin. Otherwise it is remembered as refused. */
export async function mayBegin(pass: Pass, pod: Pod, transition: Transition): Promise<boolean> {
  const obstacle = await obstacleTo(pass, pod, transition);
  if (obstacle) refuse(pass, { pod, revision: updatedOf(pass).name, obstacle, wasOut: false });
  return obstacle === undefined;
}

/** Why the update of the Pod must not begin; undefined if it may. */
async function obstacleTo(pass: Pass, pod: Pod, transition: Transition): Promise<Obstacle | undefined> {
  const { deps, set } = pass;
  const updated = updatedOf(pass);
  const from = originOf(pass, pod);
  const revisions = { set, from, to: updated };
  if (transition.mode === 'recreate') return (await recreateObstacle(deps, revisions))?.obstacle;
  const resizes = pendingResizes(pod, transition);
  if (resizes.length > 0) return resizeObstacle(deps, pod, { ...revisions, resizes });
  // After a change to this revision was refused for one Pod, try the others by a dry run before they lose their traffic.
  pass.isSuspicious ??= hasRefusals(pass);
  if (!pass.isSuspicious) return undefined;
  try {
    const body = inPlacePatch(pod, { revision: updated.name, transition });
    await patchPod(deps, pod, { type: 'strategic', body, dryRun: true });
    return undefined;
  } catch (error) {
    if (cannotTry(error)) return undefined;
    if (!isRefused(error)) throw error;
    return obstacleOf(deps, error, { ...revisions, what: CHANGE });
  }
}

/** True if the API server refused the update of any Pod to the updated revision. */
function hasRefusals(pass: Pass): boolean {
  const { refusals, retried } = pass.memory;
  const { name } = updatedOf(pass);
  const known = [...refusals.values(), ...retried.values(), ...pass.owned().map(notedRefusal)];
  return known.some((refusal) => refusal?.revision === name);
}

/** Resizes of the transition that the Pod's spec does not show yet. */
export function pendingResizes(pod: Pod, transition: InPlaceTransition): readonly Resize[] {
  const present = new Map(
    [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map((item) => [item.name, item]),
  );
  return resizesFor(pod, transition).filter(
    ({ name, resources }) => !includes(present.get(name)?.resources, resources),
  );
}

/** The present revision of the Pod; undefined if it is unknown. */
export function originOf(pass: Pass, pod: Pod): Revision | undefined {
  return pass.revisions().get(revisionNameOf(pod) ?? '');
}

/** @throws Error if the set is being deleted, because it then updates no Pods */
export function updatedOf({ updated }: Pass): Revision {
  if (!updated) throw new Error('updating a Pod: the updated revision is not stored');
  return updated;
}
