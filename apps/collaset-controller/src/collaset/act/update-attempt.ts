// What becomes of updates that the API server refuses, before they begin and after (docs/decisions/0022-updates-that-are-refused.md).
import type { Pod } from '@kuperator/api';
import { revisionNameOf } from '../ids/members.ts';
import { type InPlaceTransition, inPlacePatch, resizesFor, type Transition } from '../plan/in-place.ts';
import { cannotTry, isRefused, notedRefusal, refusalAfter, sentenceOf } from '../plan/refusal.ts';
import { includes, type Resize } from '../plan/resources.ts';
import type { Revision } from '../revision/revision-data.ts';
import type { Pass } from './pass.ts';
import { patchPod } from './pod-writes.ts';
import { type Obstacle, obstacleOf, recreateObstacle, resizeObstacle } from './probe.ts';

/** A write that fails without being refused is repeated for so long; then its Pod is given back to service. */
const PATIENCE_MS = 30_000;

export const CHANGE = 'it cannot be changed in place';
export const RECREATE = 'it cannot be made anew';

export type RefusedUpdate = {
  readonly pod: Pod;
  /** Name of the revision that the Pod was to be updated to. */
  readonly revision: string;
  readonly obstacle: Obstacle;
  /** The Pod was out of service for the update. */
  readonly wasOut: boolean;
};

/** Remembers that an update was refused; the next pass decides what follows. */
export function refuse(pass: Pass, { pod, revision, obstacle, wasOut }: RefusedUpdate): void {
  const { memory, deps } = pass;
  const { uid = '' } = pod.metadata;
  const last = memory.refusals.get(uid) ?? memory.retried.get(uid) ?? notedRefusal(pod);
  memory.refusals.set(uid, refusalAfter(last, { ...obstacle, revision, wasOut, atMs: deps.clock.now() }));
  memory.troubles.delete(uid);
  pass.hasRefused = true;
}

export type Attempt = {
  readonly pod: Pod;
  /** What cannot be done, for the message. */
  readonly what: string;
  /** Name of the revision that the Pod is to get to. */
  readonly revision: string;
  /** Making the Pod anew is no way out either. */
  readonly isFixed?: boolean;
};

/**
 * Runs a write of a Pod that is out of service. A write that is refused, or fails for too long, must not keep the Pod there.
 * @returns undefined if it was refused
 * @throws errors that the next try may not meet
 */
export async function attempt<T extends object>(
  pass: Pass,
  { pod, what, revision, isFixed = false }: Attempt,
  run: () => Promise<T>,
): Promise<T | undefined> {
  const { deps, set, memory } = pass;
  const { uid = '' } = pod.metadata;
  try {
    const result = await run();
    memory.troubles.delete(uid);
    return result;
  } catch (error) {
    const nowMs = deps.clock.monotonic();
    if (isRefused(error)) {
      const to = pass.revisions().get(revision) ?? updatedOf(pass);
      const found = await obstacleOf(deps, set, error, what, { from: originOf(pass, pod), to });
      const obstacle = { ...found, canRecreate: found.canRecreate && !isFixed };
      refuse(pass, { pod, revision, obstacle, wasOut: true });
      return undefined;
    }
    const trouble = memory.troubles.get(uid);
    const sinceMs = trouble && nowMs - trouble.lastMs < PATIENCE_MS ? trouble.sinceMs : nowMs;
    memory.troubles.set(uid, { sinceMs, lastMs: nowMs });
    if (nowMs - sinceMs < PATIENCE_MS) throw error;
    const obstacle = { reason: `${what}: ${sentenceOf(error)}`, canRecreate: false };
    refuse(pass, { pod, revision, obstacle, wasOut: true });
    return undefined;
  }
}

/** @returns true if the update of the Pod may begin */
export async function mayBegin(pass: Pass, pod: Pod, transition: Transition): Promise<boolean> {
  const obstacle = await obstacleTo(pass, pod, transition);
  if (obstacle) refuse(pass, { pod, revision: updatedOf(pass).name, obstacle, wasOut: false });
  return obstacle === undefined;
}

/** Why the update of the Pod should not begin. */
async function obstacleTo(pass: Pass, pod: Pod, transition: Transition): Promise<Obstacle | undefined> {
  const { deps, set } = pass;
  const updated = updatedOf(pass);
  const from = originOf(pass, pod);
  if (transition.mode === 'recreate') return (await recreateObstacle(deps, set, from, updated))?.obstacle;
  const resizes = pendingResizes(pod, transition);
  if (resizes.length > 0) return resizeObstacle(deps, set, pod, { from, to: updated, resizes });
  // Once a change to this revision was refused, the others are tried before they cost a Pod its traffic.
  pass.isSuspicious ??= hasRefusals(pass);
  if (!pass.isSuspicious) return undefined;
  try {
    await patchPod(deps, pod, 'strategic', inPlacePatch(pod, updated.name, transition, {}), { dryRun: true });
    return undefined;
  } catch (error) {
    if (cannotTry(error)) return undefined;
    if (!isRefused(error)) throw error;
    return obstacleOf(deps, set, error, CHANGE, { from, to: updated });
  }
}

/** True if an update to the updated revision was refused on any Pod. */
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

/** The revision that the Pod is at; undefined if it is unknown. */
export function originOf(pass: Pass, pod: Pod): Revision | undefined {
  return pass.revisions().get(revisionNameOf(pod) ?? '');
}

/** @throws Error for a set that is being deleted: it updates no Pods */
export function updatedOf({ updated }: Pass): Revision {
  if (!updated) throw new Error('a Pod is updated before the revision is stored');
  return updated;
}
