// Asks what would become of an update of one Pod before the Pod is taken out of service, or deleted, for it.
import { type CollaSet, PODS, type Pod } from '@kuperator/api';
import type { ApiError } from '@kuperator/runtime';
import { claimFor, claimVolume } from '../claims/claims.ts';
import { podFor } from '../ids/pod-template.ts';
import { cannotTry, isOverQuota, isRefused, sentenceOf } from '../plan/refusal.ts';
import { asksForMore, type Resize } from '../plan/resources.ts';
import type { Revision } from '../revision/revision-data.ts';
import type { Deps } from './deps.ts';
import { resizePod } from './pod-writes.ts';
import { fitsInPlaceOf } from './quota.ts';

/** Why an update is not made. */
export type Obstacle = {
  readonly reason: string;
  /** A Pod made anew in its place would be admitted and would find a node, as far as is known. */
  readonly canRecreate: boolean;
  /** The next try would be answered in the same way, as far as is known. */
  readonly isCertain?: boolean;
};

type ProbeDeps = Pick<Deps, 'client' | 'pods' | 'nodes'>;

/**
 * What is against resizing the Pod: the size of its node, or what the API server answers to a dry run, which counts quotas and limit
 * ranges in.
 * @param from undefined when the Pod's revision is unknown
 * @throws whatever says nothing about the resize
 */
export async function resizeObstacle(
  deps: ProbeDeps,
  set: CollaSet,
  pod: Pod,
  { from, to, resizes }: { from: Revision | undefined; to: Revision; resizes: readonly Resize[] },
): Promise<Obstacle | undefined> {
  const { nodeName } = pod.spec;
  const what = resizeOf(resizes.map(({ name }) => name));
  const shortage = nodeName === undefined ? undefined : await deps.nodes.shortage(to.template.spec, nodeName);
  if (shortage !== undefined) {
    const reason = `${what}: ${shortage}`;
    return { reason, canRecreate: await canRecreate(deps, set, from, to), isCertain: true };
  }
  try {
    await resizePod(deps, pod, resizes, { dryRun: true });
    return undefined;
  } catch (error) {
    if (cannotTry(error)) return undefined;
    if (!isRefused(error)) throw error;
    return obstacleOf(deps, set, error, what, { from, to });
  }
}

/** What cannot be done, by the names of the containers. */
export function resizeOf(containers: readonly string[]): string {
  return `container ${containers.join(', ')} cannot be resized`;
}

/** What a refusal of a change of the running Pod means: a Pod in its place can do nothing about a quota, and may about all else. */
export async function obstacleOf(
  deps: ProbeDeps,
  set: CollaSet,
  error: unknown,
  what: string,
  { from, to }: { from: Revision | undefined; to: Revision },
): Promise<Obstacle> {
  const reason = `${what}: ${sentenceOf(error)}`;
  return { reason, canRecreate: !isOverQuota(error) && (await canRecreate(deps, set, from, to)) };
}

/** True only when it is known that a Pod of `to` in place of one of `from` is admitted and can be scheduled. */
export async function canRecreate(
  deps: ProbeDeps,
  set: CollaSet,
  from: Revision | undefined,
  to: Revision,
): Promise<boolean> {
  const isLarger = !from || asksForMore(from.template.spec, to.template.spec);
  if (isLarger && (await deps.nodes.fits(to.template.spec)) !== true) return false;
  const answer = await tryCreation(deps, set, to);
  if (answer === undefined) return true;
  return isOverQuota(answer) && from !== undefined && fitsInPlaceOf(answer.message, from.template.spec);
}

/**
 * What is against deleting a Pod of `from` in order to make one of `to`, and whether a quota has room for it only once the old one is
 * gone. Only asked of Pods that become larger: what is no larger finds the place that the old one leaves, and the template itself was
 * tried before.
 */
export async function recreateObstacle(
  deps: ProbeDeps,
  set: CollaSet,
  from: Revision | undefined,
  to: Revision,
): Promise<{ readonly obstacle?: Obstacle; readonly isTight: boolean } | undefined> {
  if (!from || !asksForMore(from.template.spec, to.template.spec)) return undefined;
  if ((await deps.nodes.fits(to.template.spec)) === false) {
    const reason = 'it cannot be made anew: no node has room for a Pod of the new size';
    return { obstacle: { reason, canRecreate: false }, isTight: false };
  }
  const answer = await tryCreation(deps, set, to);
  if (answer === undefined) return { isTight: false };
  if (isOverQuota(answer) && fitsInPlaceOf(answer.message, from.template.spec)) return { isTight: true };
  return { obstacle: { reason: `it cannot be made anew: ${sentenceOf(answer)}`, canRecreate: false }, isTight: false };
}

/** The API server's refusal of a Pod of the revision; undefined when it would take one now. */
async function tryCreation({ client }: ProbeDeps, set: CollaSet, revision: Revision): Promise<ApiError | undefined> {
  const volumes = revision.claimTemplates.map((template) => claimVolume(template, claimFor(set, 0, template, 0)));
  const name = `${(set.metadata.name ?? '').slice(0, 54)}-dry-run`;
  const pod = podFor(set, { id: 0, name, revision, isNew: true, volumes, nanos: '0' });
  try {
    await client.create(PODS, pod, { dryRun: true });
    return undefined;
  } catch (error) {
    if (cannotTry(error)) return undefined;
    if (!isRefused(error)) throw error;
    return error;
  }
}
