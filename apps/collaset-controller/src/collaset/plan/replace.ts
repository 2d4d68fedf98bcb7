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

/**
 * Annotation of an origin whose label `to-replace` was set by an update of this controller and not by a user. The controller removes
 * both if the update no longer asks for the replacement. The Go implementation does not have this annotation.
 */
export const REPLACE_BY_UPDATE_ANNOTATION = 'collaset.kusionstack.io/to-replace-by-update';

/** Changes of a Pod's labels and annotations, as in a merge patch. */
type Relabelling = { readonly labels: LabelChanges; readonly annotations: LabelChanges };

export type ReplacePlan = {
  /** Label and annotation changes of each Pod, in one write. */
  readonly relabel: ReadonlyMap<Pod, Relabelling>;
  /** Origins that lack a successor, and the revision that it gets. */
  readonly start: readonly { readonly origin: Pod; readonly revision: string }[];
  /** Successors that do not serve yet, by their origins. */
  readonly waiting: ReadonlyMap<Pod, Pod>;
};

type ReplaceInput = {
  readonly set: CollaSet;
  readonly members: Members;
  /** Pods that the update replaces by Pods at the updated revision. */
  readonly targets: ReadonlySet<Pod>;
  /** Pods that are deleted or excluded, and therefore not replaced. */
  readonly leaving: ReadonlySet<Pod>;
  readonly updated: string;
  readonly isKnownRevision: (name: string) => boolean;
  readonly nanos: string;
};

const NOTHING: ReplacePlan = { relabel: new Map(), start: [], waiting: new Map() };

/**
 * Plans the next step of every replacement that a user (by the label `to-replace`) or an update asks for. The origin is marked `to-delete`
 * only once its successor serves at the requested revision. A successor that is no longer wanted is marked `to-delete` itself. Pure.
 */
export function planReplace(input: ReplaceInput): ReplacePlan {
  const { set, members, leaving } = input;
  if (set.spec.paused) return NOTHING;
  const relabel = new Map<Pod, Relabelling>();
  const start: { origin: Pod; revision: string }[] = [];
  const waiting = new Map<Pod, Pod>();
  const successors = new Set(members.successors.values());
  for (const origin of members.active) {
    // A successor can only be replaced itself after its origin is gone (T38).
    if (successors.has(origin)) continue;
    const { labels: present = {} } = origin.metadata;
    // A former successor keeps the name of its origin as long as the origin exists, because other controllers may read it.
    const isForgotten = present[REPLACE_PAIR_ORIGIN_NAME_LABEL] !== undefined && !members.heirs.has(origin);
    const changes: LabelChanges = isForgotten ? DROP_ORIGIN : {};
    const isLeaving =
      leaving.has(origin) ||
      present[TO_DELETE_LABEL] !== undefined ||
      hasOperation(origin, COLLASET_OPERATION_ID, SCALE_IN);
    if (isLeaving) {
      addChanges(relabel, origin, { labels: changes, annotations: {} });
      continue;
    }
    const successor = members.successors.get(origin);
    const wish = wishOf(input, origin, successor);
    const labels = { ...changes, ...wish.labels, ...linkOf(origin, successor, wish) };
    addChanges(relabel, origin, { labels, annotations: wish.annotations });
    const victim = successor && victimOf(origin, successor, wish);
    if (victim) addChanges(relabel, victim, { labels: { [TO_DELETE_LABEL]: input.nanos }, annotations: {} });
    else if (successor) waiting.set(origin, successor);
    // Mark the origin before its successor is created: without the mark, the two Pods do not count as a pair.
    const isMarked = Object.keys(wish.labels).length === 0;
    if (wish.isWanted && !successor && isMarked) start.push({ origin, revision: newRevision(input, origin, wish) });
  }
  return { relabel, start, waiting };
}

const DROP_ORIGIN: LabelChanges = { [REPLACE_PAIR_ORIGIN_NAME_LABEL]: null };

/**
 * Pods whose replacement continues under every update policy: those that a user wants replaced, and those whose successor serves. If the
 * user changes the policy from Replace while a successor does not serve yet, the new policy updates the origin instead, because the
 * successor may never serve, for example if no node has room for it (T41, T105).
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
  /** The update no longer asks for the replacement. Its successor is deleted, even if it serves already. */
  readonly isWithdrawn: boolean;
  /** The revision that the successor must have; undefined if any will do. */
  readonly revision: string | undefined;
  readonly labels: LabelChanges;
  readonly annotations: LabelChanges;
};

/** Decides whether the Pod is to be replaced and at which revision, and how its labels and annotations must change for that. */
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
  // If the Pod left the scope of the update after its successor served, the successor stays. After a rollback, the origin stays.
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

/** The Pod of the pair that is deleted now; undefined for neither. */
function victimOf(origin: Pod, successor: Pod, { isWanted, isWithdrawn, revision }: Wish): Pod | undefined {
  if (!isActive(successor) || successor.metadata.labels?.[TO_DELETE_LABEL] !== undefined) return undefined;
  if (isWithdrawn) return successor;
  // If the user cancels the replacement after the successor serves, it still completes: a serving Pod is not deleted (T36).
  if (!isWanted) return serves(successor) ? origin : successor;
  if (revision !== undefined && revisionNameOf(successor) !== revision) return successor;
  return serves(successor) ? origin : undefined;
}

/** The change of the label by which the origin names the instance id of its successor. */
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

/** True if the Pod is available and nothing is about to delete it. */
function serves(pod: Pod): boolean {
  return isActive(pod) && isServiceAvailable(pod) && pod.metadata.labels?.[TO_DELETE_LABEL] === undefined;
}

function addChanges(relabel: Map<Pod, Relabelling>, pod: Pod, { labels, annotations }: Relabelling): void {
  if (Object.keys(labels).length + Object.keys(annotations).length === 0) return;
  const before = relabel.get(pod);
  relabel.set(pod, {
    labels: { ...before?.labels, ...labels },
    annotations: { ...before?.annotations, ...annotations },
  });
}
