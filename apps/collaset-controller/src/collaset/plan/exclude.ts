import {
  type CollaSet,
  own,
  type Pod,
  REPLACE_PAIR_NEW_ID_LABEL,
  REPLACE_PAIR_ORIGIN_NAME_LABEL,
  TO_DELETE_LABEL,
  TO_EXCLUDE_LABEL,
  TO_REPLACE_LABEL,
} from '@kuperator/api';
import { isSequence, type Members } from '../ids/members.ts';

export type Refusal = { readonly pod: string; readonly reason: string; readonly message: string };

export type ExcludePlan = {
  /** Pods to exclude now. */
  readonly now: ReadonlySet<Pod>;
  /** The Pods of `now`, and those that are excluded after their replacement. */
  readonly all: ReadonlySet<Pod>;
  readonly refused: readonly Refusal[];
};

/** Labels of a Pod that is being replaced, or that replaces another. */
const PAIR_LABELS = [TO_REPLACE_LABEL, REPLACE_PAIR_ORIGIN_NAME_LABEL, REPLACE_PAIR_NEW_ID_LABEL];

/**
 * Chooses the Pods that the set releases and leaves running. Deletion takes precedence over replacement, and replacement over exclusion:
 * a Pod that is to be deleted is not excluded, and a Pod of a replace pair is excluded after the replacement. Pure.
 * @param isServed true if the Pod was already recreated for its entry in podToDelete
 */
export function planExclude(set: CollaSet, members: Members, isServed: (pod: Pod) => boolean): ExcludePlan {
  const now = new Set<Pod>();
  const all = new Set<Pod>();
  const refused: Refusal[] = [];
  if (set.spec.paused) return { now, all, refused };
  const { podToExclude = [], podToInclude = [], podToDelete = [] } = set.spec.scaleStrategy ?? {};
  // With sequence names, the lists are ignored. The label is not, because a user sets it on the Pod itself.
  const listed = new Set(isSequence(set) ? [] : podToExclude);
  const included = new Set(podToInclude);
  const deleted = new Set(podToDelete);
  for (const pod of members.active) {
    const { name = '', labels = {} } = pod.metadata;
    if (!listed.has(name) && labels[TO_EXCLUDE_LABEL] === undefined) continue;
    if (included.has(name)) {
      refused.push(duplicate(name));
      continue;
    }
    if (labels[TO_DELETE_LABEL] !== undefined || (deleted.has(name) && !isServed(pod))) continue;
    all.add(pod);
    if (!PAIR_LABELS.some((label) => own(labels, label) !== undefined)) now.add(pod);
  }
  return { now, all, refused };
}

export function duplicate(name: string): Refusal {
  return {
    pod: name,
    reason: 'DupExIncludedTarget',
    message: `Pod ${name} is in both podToExclude and podToInclude, so it stays as it is`,
  };
}
