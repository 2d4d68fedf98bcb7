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
  /** To be let go now. */
  readonly now: ReadonlySet<Pod>;
  /** Those, and the ones that stay until nothing else is under way with them. */
  readonly all: ReadonlySet<Pod>;
  readonly refused: readonly Refusal[];
};

/** Labels of a Pod that is being replaced, or replaces another. */
const PAIR_LABELS = [TO_REPLACE_LABEL, REPLACE_PAIR_ORIGIN_NAME_LABEL, REPLACE_PAIR_NEW_ID_LABEL];

/**
 * Which Pods the set is to let go and leave running. Deletion comes before replacement, and that before exclusion: what is being
 * replaced is held until then, what is to be deleted is not let go.
 * @param isServed true when the Pod's entry in podToDelete is already served
 */
export function planExclude(set: CollaSet, members: Members, isServed: (pod: Pod) => boolean): ExcludePlan {
  const now = new Set<Pod>();
  const all = new Set<Pod>();
  const refused: Refusal[] = [];
  if (set.spec.paused) return { now, all, refused };
  const { podToExclude = [], podToInclude = [], podToDelete = [] } = set.spec.scaleStrategy ?? {};
  // The lists mean nothing where the name says which instance a Pod is; the label does: it is put on by hand.
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
    message: `Pod ${name} is to be excluded and included: it stays as it is`,
  };
}
