// Checks whether the update of a Pod would succeed before the Pod is taken out of service or deleted for it.
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

/** Why a Pod cannot be updated. */
export type Obstacle = {
  readonly reason: string;
  /** True if, as far as is known, a recreated Pod would be admitted and scheduled. */
  readonly canRecreate: boolean;
  /** True if the next attempt would have the same result, as far as is known. */
  readonly isCertain?: boolean;
};

type ProbeDeps = Pick<Deps, 'client' | 'pods' | 'nodes'>;

type Revisions = {
  readonly set: CollaSet;
  /** The present revision of the Pod; undefined if it is unknown. */
  readonly from: Revision | undefined;
  /** The revision that the Pod is to be updated to. */
  readonly to: Revision;
};

/**
 * Why the Pod cannot be resized: its node is too small, or the API server refuses a dry run, which considers quotas and limit ranges.
 * @throws errors that say nothing about the resize
 */
export async function resizeObstacle(
  deps: ProbeDeps,
  pod: Pod,
  { resizes, ...revisions }: Revisions & { readonly resizes: readonly Resize[] },
): Promise<Obstacle | undefined> {
  const { to } = revisions;
  const { nodeName } = pod.spec;
  const what = resizeOf(resizes.map(({ name }) => name));
  const shortage = nodeName === undefined ? undefined : await deps.nodes.shortage(to.template.spec, nodeName);
  if (shortage !== undefined) {
    const reason = `${what}: ${shortage}`;
    return { reason, canRecreate: await canRecreate(deps, revisions), isCertain: true };
  }
  try {
    await resizePod(deps, pod, { resizes, dryRun: true });
    return undefined;
  } catch (error) {
    if (cannotTry(error)) return undefined;
    if (!isRefused(error)) throw error;
    return obstacleOf(deps, error, { ...revisions, what });
  }
}

/** The start of a message about a resize of these containers. */
export function resizeOf(containers: readonly string[]): string {
  return `container ${containers.join(', ')} cannot be resized`;
}

/** The obstacle that a refused change of a running Pod means. Recreating the Pod may help, except against a full quota. */
export async function obstacleOf(
  deps: ProbeDeps,
  error: unknown,
  { what, ...revisions }: Revisions & { readonly what: string },
): Promise<Obstacle> {
  const reason = `${what}: ${sentenceOf(error)}`;
  return { reason, canRecreate: !isOverQuota(error) && (await canRecreate(deps, revisions)) };
}

/** True only if it is known that a recreated Pod would be admitted and scheduled. */
export async function canRecreate(deps: ProbeDeps, { set, from, to }: Revisions): Promise<boolean> {
  const isLarger = !from || asksForMore(from.template.spec, to.template.spec);
  if (isLarger && (await deps.nodes.fits(to.template.spec)) !== true) return false;
  const answer = await tryCreation(deps, set, to);
  if (answer === undefined) return true;
  return isOverQuota(answer) && from !== undefined && fitsInPlaceOf(answer.message, from.template.spec);
}

/**
 * Why the Pod cannot be recreated. Checked only for a Pod that becomes larger: any other fits where the old Pod was, and the template was
 * already tried. `isTight`: the quota has room for the new Pod only after the deletion of the old one.
 */
export async function recreateObstacle(
  deps: ProbeDeps,
  { set, from, to }: Revisions,
): Promise<{ readonly obstacle?: Obstacle; readonly isTight: boolean } | undefined> {
  if (!from || !asksForMore(from.template.spec, to.template.spec)) return undefined;
  if ((await deps.nodes.fits(to.template.spec)) === false) {
    const reason = 'it cannot be recreated: no node is large enough for the new Pod';
    return { obstacle: { reason, canRecreate: false }, isTight: false };
  }
  const answer = await tryCreation(deps, set, to);
  if (answer === undefined) return { isTight: false };
  if (isOverQuota(answer) && fitsInPlaceOf(answer.message, from.template.spec)) return { isTight: true };
  return { obstacle: { reason: `it cannot be recreated: ${sentenceOf(answer)}`, canRecreate: false }, isTight: false };
}

/** Why the API server refuses a Pod of the revision; undefined if it would admit one now. */
async function tryCreation({ client }: ProbeDeps, set: CollaSet, revision: Revision): Promise<ApiError | undefined> {
  const volumes = revision.claimTemplates.map((template) =>
    claimVolume(template, claimFor(set, { id: 0, template, attempt: 0 })),
  );
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
