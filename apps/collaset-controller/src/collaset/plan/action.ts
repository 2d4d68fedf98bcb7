import type { ContextEntry, ControllerRevision, PersistentVolumeClaim, Pod } from '@kuperator/api';
import type { LabelChanges } from '@kuperator/lifecycle';
import type { LeftClaim } from '../claims/claim-adoption.ts';
import type { ClaimUse } from '../claims/claims.ts';
import type { Revision } from '../revision/revision-data.ts';
import type { Creation } from './context.ts';
import type { Hold } from './ended.ts';
import type { Transition } from './in-place.ts';
import type { Listed } from './reclaim.ts';
import type { InPlaceChange, Reversal, Stuck } from './update.ts';

/** The operations that a CollaSet runs on its Pods, by their operation type. */
export type Operation = 'scale-in' | 'update';

/**
 * One step of a pass: a write, or something that the set waits for. The list of a pass is ordered: what other steps rest on comes first.
 * How each kind is verified, written and reported stands in `act/actions.ts`.
 */
export type Action = Preparation | ContextAction | PodAction | Housekeeping | Wait | Obstruction;

/** Steps that change what a plan rests on. They come alone: the pass writes them and then plans again. */
export type Preparation =
  | { readonly do: 'addFinalizer' }
  | { readonly do: 'adoptRevision'; readonly revision: ControllerRevision }
  | { readonly do: 'storeRevision'; readonly revision: ControllerRevision }
  /** The set went back to an older template: its revision becomes the newest again. */
  | { readonly do: 'raiseRevision'; readonly revision: ControllerRevision; readonly number: number }
  | { readonly do: 'adoptClaim'; readonly claim: PersistentVolumeClaim }
  /** Asks the API server by dry runs whether it accepts the revision, before any Pod is touched for it. */
  | { readonly do: 'tryRevision'; readonly revision: Revision };

/** Steps that the steps on Pods rest on. */
type ContextAction =
  | { readonly do: 'writeContext'; readonly entries: readonly ContextEntry[] }
  /** Gives a Pod of the set the claims that it mounts and that have no owner. */
  | { readonly do: 'bringClaims'; readonly pod: Pod };

/** Each writes one Pod. */
type PodAction =
  | { readonly do: 'createPod'; readonly creation: Creation; readonly revision: Revision | undefined }
  /** Label and annotation changes by which others act: the coordinator deletes Pods that are marked `to-delete`. */
  | Marking
  /** The selector no longer matches the Pod. */
  | { readonly do: 'release'; readonly pod: Pod }
  /** Deletes a Pod that has ended. */
  | { readonly do: 'purge'; readonly pod: Pod }
  | { readonly do: 'exclude'; readonly pod: Pod }
  /** `isReused`: the ResourceContext says that the instance id had a Pod before. */
  | { readonly do: 'include'; readonly pod: Pod; readonly id: number; readonly isReused: boolean }
  | { readonly do: 'cancel'; readonly pod: Pod; readonly operation: Operation }
  | { readonly do: 'delete'; readonly pod: Pod; readonly operation: 'scale-in' }
  | Beginning
  | { readonly do: 'finish'; readonly pod: Pod; readonly operation: 'update' }
  | ({ readonly do: 'revert'; readonly operation: 'update' } & Reversal)
  | ({ readonly do: 'change'; readonly operation: 'update' } & InPlaceChange)
  /** The second write of a change: CPU and memory. */
  | { readonly do: 'resize'; readonly pod: Pod; readonly operation: 'update' }
  | { readonly do: 'recreate'; readonly pod: Pod; readonly operation: 'update' }
  /** Finds out what becomes of a Pod that its node does not resize. */
  | ({ readonly do: 'judgeResize'; readonly operation: 'update' } & Stuck)
  /** States on the Pod that its operation will, or will not, end in its deletion. */
  | { readonly do: 'turn'; readonly pod: Pod; readonly operation: 'update'; readonly willDelete: boolean }
  /** Takes a Pod to the updated revision whose containers stay as they are. */
  | ({ readonly do: 'relabel'; readonly operation: 'update' } & InPlaceChange);

export type Marking = {
  readonly do: 'mark';
  readonly pod: Pod;
  readonly labels: LabelChanges;
  readonly annotations: LabelChanges;
  /** The whole set is being deleted. */
  readonly isDrain?: true;
};

export type Beginning = { readonly do: 'begin'; readonly pod: Pod } & (
  | { readonly operation: 'scale-in' }
  | { readonly operation: 'update'; readonly transition: Transition }
);

/** Steps that can wait. A set with nothing else to do has what it asks for. */
type Housekeeping =
  | { readonly do: 'tidyContext'; readonly entries: readonly ContextEntry[] }
  | {
      readonly do: 'relabelClaim';
      readonly claim: PersistentVolumeClaim;
      readonly labels: Readonly<Record<string, string>>;
      readonly annotations: Readonly<Record<string, string>>;
    }
  /** `use`: what the plan took for granted, to be confirmed by fresh reads. */
  | { readonly do: 'deleteClaim'; readonly claim: PersistentVolumeClaim; readonly use: ClaimUse }
  | { readonly do: 'expireRevision'; readonly revision: ControllerRevision }
  /** Takes served names out of the lists of `spec.scaleStrategy`, after fresh reads of these Pods. */
  | { readonly do: 'reclaimNames'; readonly listed: readonly Listed[] }
  /** A claim without an owner that the set could miss and does not take. */
  | { readonly do: 'leaveClaim'; readonly left: LeftClaim };

/** What the set waits for. `againMs`: plan again after so many ms; left out where an event announces the change. */
type Wait =
  | { readonly do: 'awaitPermission'; readonly pod: Pod; readonly operation: Operation }
  /** The Pod is marked, or will be in this pass: the coordinator deletes it. `renew`: its instance id gets another Pod. */
  | { readonly do: 'awaitDeletion'; readonly pod: Pod; readonly operation: 'scale-in' | 'renew' }
  | { readonly do: 'awaitTermination'; readonly pod: Pod; readonly operation?: Operation | undefined }
  /** The kubelet has not followed a change yet. */
  | { readonly do: 'awaitKubelet'; readonly pod: Pod; readonly operation: 'update'; readonly reason: string }
  /** The Pod goes once another one has taken its place. `successor`: that other one, as soon as it exists. */
  | {
      readonly do: 'awaitReplacement';
      readonly pod: Pod;
      readonly operation: 'update' | 'replace';
      readonly successor: Pod | undefined;
    }
  | { readonly do: 'awaitService'; readonly pod: Pod }
  /** Creations failed and are tried again later. */
  | { readonly do: 'awaitCreation'; readonly creation: Creation; readonly againMs: number }
  /** The last Pod of the instance id has ended, and its next one is not due yet. */
  | { readonly do: 'awaitBackOff'; readonly id: number; readonly hold: Hold; readonly againMs: number }
  /** The set is paused, and has work of this kind. */
  | { readonly do: 'awaitResume'; readonly of: 'scale' | 'update' }
  /** Something becomes due that no event announces. `what` names it for the reader of a log or test. */
  | { readonly do: 'awaitTime'; readonly what: string; readonly againMs: number };

/** What only the user can mend. */
type Obstruction =
  /** The API server refuses the template, so no Pod is taken to the updated revision. */
  | { readonly do: 'blockRevision'; readonly reason: string; readonly againMs: number }
  | { readonly do: 'blockUpdate'; readonly pod: Pod; readonly reason: string }
  | { readonly do: 'blockCreation'; readonly reason: string }
  /** A Pod in podToExclude or podToInclude that stays as it is. */
  | {
      readonly do: 'refuseListed';
      readonly pod: string;
      readonly reason: string;
      readonly message: string;
      readonly againMs?: number | undefined;
    };

export type ActionKind = Action['do'];
export type ActionOf<K extends ActionKind> = Extract<Action, { readonly do: K }>;

/** The actions of the kinds named, in their order. */
export function actionsOf<K extends ActionKind>(actions: readonly Action[], ...kinds: readonly K[]): ActionOf<K>[] {
  return actions.filter((action): action is ActionOf<K> => (kinds as readonly ActionKind[]).includes(action.do));
}

/** The Pod that the action is about; undefined for a Pod that does not exist yet, and for what is not about one Pod. */
export function podOf(action: Action): Pod | undefined {
  return 'pod' in action && typeof action.pod === 'object' ? action.pod : undefined;
}

const PREPARATIONS: ReadonlySet<ActionKind> = new Set([
  'addFinalizer',
  'adoptRevision',
  'storeRevision',
  'raiseRevision',
  'adoptClaim',
  'tryRevision',
] satisfies Preparation['do'][]);

/** True if the pass must write these actions and then plan again. */
export function isPreparation(actions: readonly Action[]): boolean {
  return actions.some((action) => PREPARATIONS.has(action.do));
}

const HOUSEKEEPING: ReadonlySet<ActionKind> = new Set([
  'tidyContext',
  'relabelClaim',
  'deleteClaim',
  'expireRevision',
  'reclaimNames',
  'leaveClaim',
  'awaitTime',
  'refuseListed',
  'bringClaims',
  'release',
  'purge',
] satisfies ActionKind[]);

/** True if the set has what it asks for and nothing is under way; a Pod that is not available yet counts as under way. */
export function isSettled(actions: readonly Action[]): boolean {
  return actions.every((action) => HOUSEKEEPING.has(action.do));
}

const BUSY: ReadonlySet<ActionKind> = new Set([
  'createPod',
  'awaitCreation',
  'begin',
  'delete',
  'change',
  'recreate',
  'relabel',
  'awaitPermission',
  'awaitDeletion',
  'awaitReplacement',
] satisfies ActionKind[]);

/** True while Pods are created, taken away or updated. */
export function isBusy(actions: readonly Action[]): boolean {
  return actions.some((action) => BUSY.has(action.do));
}

/** When to plan again though nothing happens, in ms; undefined if only an event can change the plan. */
export function nextWakeUpMs(actions: readonly Action[]): number | undefined {
  let next: number | undefined;
  for (const action of actions) {
    const againMs = 'againMs' in action ? action.againMs : undefined;
    if (againMs !== undefined) next = Math.min(next ?? againMs, Math.max(0, againMs));
  }
  return next;
}
