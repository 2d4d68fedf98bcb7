import {
  COLLASET_OPERATION_ID,
  type CollaSet,
  type Pod,
  REPLACE_PAIR_NEW_ID_LABEL,
  REPLACE_PAIR_ORIGIN_NAME_LABEL,
  REPLACED_BY_REPLACE_UPDATE_LABEL,
  TO_DELETE_LABEL,
  TO_REPLACE_LABEL,
} from '@kuperator/api';
import { hasOperation, isServiceAvailable, type LabelChanges } from '@kuperator/lifecycle';
import { instanceIdOf, isActive, type Members, revisionNameOf } from '../ids/members.ts';
import { SCALE_IN } from './leaving.ts';

/** On an origin whose `to-replace` the set's own update wrote, not a user: it goes when the update no longer asks for it. Ours. */
export const REPLACE_BY_UPDATE_ANNOTATION = 'collaset.kusionstack.io/to-replace-by-update';

/** Changes of a Pod's labels and annotations, as in a merge patch. */
export type Relabelling = { readonly labels: LabelChanges; readonly annotations: LabelChanges };

export type ReplacePlan = {
  /** What is to be changed of each Pod's labels and annotations, in one write. */
  readonly relabel: ReadonlyMap<Pod, Relabelling>;
  /** Origins that lack their new Pod, and the revision it is to have. */
  readonly start: readonly { readonly origin: Pod; readonly revision: string }[];
  /** New Pods that do not serve yet, by their origins. */
  readonly waiting: ReadonlyMap<Pod, Pod>;
};

export type ReplaceInput = {
  readonly set: CollaSet;
  readonly members: Members;
  /** Pods to be brought to the updated revision by another one. */
  readonly targets: ReadonlySet<Pod>;
  /** Pods that leave anyhow: no replacement for these. */
  readonly leaving: ReadonlySet<Pod>;
  readonly updated: string;
  readonly isKnownRevision: (name: string) => boolean;
  readonly nanos: string;
};

const NOTHING: ReplacePlan = { relabel: new Map(), start: [], waiting: new Map() };

/**
 * Next step of every replacement, whether a user asked for it (`to-replace`) or an update. The new Pod must serve, at the revision
 * asked for, before its origin is marked `to-delete`; a new Pod that is not wanted (any more) is marked itself.
 */
export function planReplace(input: ReplaceInput): ReplacePlan {
  const { set, members, leaving } = input;
  if (set.spec.paused) return NOTHING;
  const relabel = new Map<Pod, Relabelling>();
  const start: { origin: Pod; revision: string }[] = [];
  const waiting = new Map<Pod, Pod>();
  const successors = new Set(members.successors.values());
  for (const origin of members.active) {
    // The new Pod of a pair is itself replaced only when its origin is gone (T38).
    if (successors.has(origin)) continue;
    const labels = origin.metadata.labels ?? {};
    // Others may want to know whose place it takes for as long as that one is there.
    const isForgotten = labels[REPLACE_PAIR_ORIGIN_NAME_LABEL] !== undefined && !members.heirs.has(origin);
    const changes: LabelChanges = isForgotten ? DROP_ORIGIN : {};
    const isGoing =
      leaving.has(origin) ||
      labels[TO_DELETE_LABEL] !== undefined ||
      hasOperation(origin, COLLASET_OPERATION_ID, SCALE_IN);
    if (isGoing) {
      write(relabel, origin, changes);
      continue;
    }
    const successor = members.successors.get(origin);
    const wish = wishOf(input, origin, successor);
    write(relabel, origin, { ...changes, ...wish.labels, ...linkOf(origin, successor, wish) }, wish.annotations);
    const victim = successor && victimOf(origin, successor, wish);
    if (victim) write(relabel, victim, { [TO_DELETE_LABEL]: input.nanos });
    else if (successor) waiting.set(origin, successor);
    // The marks first: a new Pod whose origin does not know of it is none.
    const isMarked = Object.keys(wish.labels).length === 0;
    if (wish.isWanted && !successor && isMarked) start.push({ origin, revision: newRevision(input, origin, wish) });
  }
  return { relabel, start, waiting };
}

const DROP_ORIGIN: LabelChanges = { [REPLACE_PAIR_ORIGIN_NAME_LABEL]: null };

/**
 * Pods whose replacement goes on whatever the update policy is: those a user asked it for, and those whose new Pod serves. What the
 * policy Replace began and did not bring so far is left to the policy that follows it: a new Pod that does not serve may never do so,
 * for want of a node, say (T41, T105).
 */
export function replacedPods(members: Members): ReadonlySet<Pod> {
  const isSeenThrough = (pod: Pod) => {
    const successor = members.successors.get(pod);
    const isUpdate = pod.metadata.annotations?.[REPLACE_BY_UPDATE_ANNOTATION] !== undefined;
    return !isUpdate || (successor !== undefined && serves(successor));
  };
  const marked = members.active.filter((pod) => pod.metadata.labels?.[TO_REPLACE_LABEL] !== undefined);
  return new Set(marked.filter(isSeenThrough));
}

type Wish = {
  readonly isWanted: boolean;
  /** Taken back by the update, though the new Pod may serve already. */
  readonly isWithdrawn: boolean;
  /** The revision the new Pod must have; undefined: any. */
  readonly revision: string | undefined;
  readonly labels: LabelChanges;
  readonly annotations: LabelChanges;
};

/** Whether the Pod is to be replaced, by which revision, and what its marks should say of it. */
function wishOf(input: ReplaceInput, origin: Pod, successor: Pod | undefined): Wish {
  const { targets, updated, nanos, isKnownRevision } = input;
  const { [TO_REPLACE_LABEL]: asked, [REPLACED_BY_REPLACE_UPDATE_LABEL]: named } = origin.metadata.labels ?? {};
  const isOurs = origin.metadata.annotations?.[REPLACE_BY_UPDATE_ANNOTATION] !== undefined;
  if (targets.has(origin)) {
    return {
      isWanted: true,
      isWithdrawn: false,
      revision: updated,
      labels: {
        ...(asked === undefined ? { [TO_REPLACE_LABEL]: nanos } : {}),
        ...(named === updated ? {} : { [REPLACED_BY_REPLACE_UPDATE_LABEL]: updated }),
      },
      annotations: asked === undefined && !isOurs ? { [REPLACE_BY_UPDATE_ANNOTATION]: 'true' } : {},
    };
  }
  const own = revisionNameOf(origin);
  const isUpdate = named !== undefined || isOurs;
  // Out of scope too late: what serves at the revision it was made for stays. Rolled back, the origin is what is wanted.
  const isDone = successor !== undefined && serves(successor) && revisionNameOf(successor) === named;
  if (isUpdate && !(isDone && asked !== undefined && own !== updated)) {
    return {
      isWanted: asked !== undefined && !isOurs,
      isWithdrawn: named !== undefined,
      revision: own !== undefined && isKnownRevision(own) ? own : undefined,
      labels: {
        ...(named === undefined ? {} : { [REPLACED_BY_REPLACE_UPDATE_LABEL]: null }),
        ...(isOurs && asked !== undefined ? { [TO_REPLACE_LABEL]: null } : {}),
      },
      annotations: isOurs ? { [REPLACE_BY_UPDATE_ANNOTATION]: null } : {},
    };
  }
  const revision = named ?? (own !== undefined && isKnownRevision(own) ? own : undefined);
  return { isWanted: asked !== undefined, isWithdrawn: false, revision, labels: {}, annotations: {} };
}

/** Which of the pair is to go now; undefined: neither. */
function victimOf(origin: Pod, successor: Pod, { isWanted, isWithdrawn, revision }: Wish): Pod | undefined {
  if (!isActive(successor) || successor.metadata.labels?.[TO_DELETE_LABEL] !== undefined) return undefined;
  if (isWithdrawn) return successor;
  // Cancelled too late, it is seen through: a Pod that serves is not taken away for it (T36).
  if (!isWanted) return serves(successor) ? origin : successor;
  if (revision !== undefined && revisionNameOf(successor) !== revision) return successor;
  return serves(successor) ? origin : undefined;
}

/** The origin's note of its new Pod's id. */
function linkOf(origin: Pod, successor: Pod | undefined, { isWanted }: Wish): LabelChanges {
  const noted = origin.metadata.labels?.[REPLACE_PAIR_NEW_ID_LABEL];
  const id = successor && instanceIdOf(successor);
  if (id !== undefined) return noted === String(id) ? {} : { [REPLACE_PAIR_NEW_ID_LABEL]: String(id) };
  return noted === undefined || isWanted ? {} : { [REPLACE_PAIR_NEW_ID_LABEL]: null };
}

function newRevision({ updated, isKnownRevision }: ReplaceInput, origin: Pod, { revision }: Wish): string {
  const name = revision ?? revisionNameOf(origin);
  return name !== undefined && isKnownRevision(name) ? name : updated;
}

/** Active, and with nothing that will take it away. */
function serves(pod: Pod): boolean {
  return isActive(pod) && isServiceAvailable(pod) && pod.metadata.labels?.[TO_DELETE_LABEL] === undefined;
}

function write(relabel: Map<Pod, Relabelling>, pod: Pod, labels: LabelChanges, annotations: LabelChanges = {}): void {
  if (Object.keys(labels).length + Object.keys(annotations).length === 0) return;
  const before = relabel.get(pod);
  relabel.set(pod, {
    labels: { ...before?.labels, ...labels },
    annotations: { ...before?.annotations, ...annotations },
  });
}
