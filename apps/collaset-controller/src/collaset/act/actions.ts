// How each kind of action is verified, written and reported. A new kind is one row here and one pure rule in plan/.
import {
  COLLASET_OPERATION_ID,
  type Pod,
  REPLACE_PAIR_NEW_ID_LABEL,
  REPLACE_PAIR_ORIGIN_NAME_LABEL,
  REPLACED_BY_REPLACE_UPDATE_LABEL,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import { hasOperation } from '@kuperator/lifecycle';
import { adoptionMessage, leftMessage } from '../claims/claim-adoption.ts';
import { leftBehindText } from '../ids/left-behind.ts';
import type { ActionKind, ActionOf, Marking, Operation } from '../plan/action.ts';
import { KEPT_ENDED } from '../plan/ended.ts';
import { UNKNOWN_REVISION } from '../plan/in-place.ts';
import { adoptClaim, deleteClaim, relabelClaim } from './claim-writes.ts';
import { recordEntries } from './context-writes.ts';
import { tryUpdatedRevision } from './dry-run.ts';
import { addFinalizer } from './finalizer.ts';
import type { WriteKind } from './metrics.ts';
import { bringClaims } from './moves.ts';
import type { Pass } from './pass.ts';
import { begin, cancel, create, exclude, include, mark, purge, release, remove } from './pod-operations.ts';
import { change, completeChange, finish, judgeResize, recreate, relabel, resize, revert, turn } from './pod-updates.ts';
import { noteRewrite } from './pod-writes.ts';
import { reclaimNames } from './reclaim-writes.ts';
import { adoptRevision, expireRevision, raiseRevision, storeRevision } from './revision-writes.ts';
import { claimsAreSeen, claimsAreUnused, creationsAreSafe, scaleInIsCurrent, type Verify } from './verify.ts';
import type { Written } from './written.ts';

/**
 * Which actions run side by side. `first`: one after another before all others, and a failure ends the pass. The four lanes of Pods run at
 * once, and none waits for another. `last`: one after another at the end.
 */
export type Lane = 'first' | 'create' | 'others' | 'scale-in' | 'update' | 'last';

/** The NATS event of a done action. */
type PodEventName = 'operation.requested' | 'operation.started' | 'operation.cancelled' | 'operation.done';

/** A Kubernetes Event. `isWait`: recorded once, until a pass comes that does not report the reason. */
export type Report = {
  readonly type?: 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly isWait?: true;
};

/** True if the fact was not reported yet, for the set's generation or for the set. To ask counts as to report. */
export type IsNews = (fact: string, scope: 'generation' | 'set') => boolean;

export type Row<K extends ActionKind> = {
  /** Left out for what is not written. */
  readonly lane?: Lane | ((action: ActionOf<K>) => Lane);
  /** Fresh reads before any action of the pass is written; those of the lane `last` before that lane. */
  readonly verify?: readonly Verify[];
  readonly write?: (pass: Pass, action: ActionOf<K>) => Promise<Written>;
  /** A second write, after the event of the first one. */
  readonly follow?: (pass: Pass, action: ActionOf<K>, written: Written) => Promise<unknown>;
  readonly metric?: WriteKind;
  readonly event?: PodEventName;
  /** Kubernetes Events of all actions of the kind together: of those that were done, or of all if the kind is not written. */
  readonly reports?: (actions: readonly ActionOf<K>[], isNews: IsNews) => readonly Report[];
  /** Steps that are left of the Pod until the set has what it asks for, this one included; of several actions of a Pod the most count. */
  readonly steps?: (action: ActionOf<K>) => number;
};

const report = (reason: string, message: string) => () => [{ reason, message }];

/** Steps of a Pod that is to leave or to be updated. */
const ahead = ({ pod }: { readonly pod: Pod }) => (hasOperation(pod, COLLASET_OPERATION_ID) ? 3 : 4);
/** Steps of a Pod whose operation ends. */
const ending = () => 2;
/** Steps of a Pod that is to be created. */
const absent = () => 2;
const byOperation = ({ operation }: { readonly operation: Operation }): Lane => operation;

export const ACTIONS: { readonly [K in ActionKind]: Row<K> } = {
  addFinalizer: { lane: 'first', write: addFinalizer },
  adoptRevision: { lane: 'first', write: adoptRevision, metric: 'revision' },
  storeRevision: { lane: 'first', write: storeRevision, metric: 'revision' },
  raiseRevision: { lane: 'first', write: raiseRevision, metric: 'revision' },
  adoptClaim: {
    lane: 'first',
    write: adoptClaim,
    reports: (actions) => [{ reason: 'ClaimsAdopted', message: adoptionMessage(actions.map(({ claim }) => claim)) }],
  },
  tryRevision: { lane: 'first', write: tryUpdatedRevision },

  writeContext: { lane: 'first', write: recordEntries },
  bringClaims: { lane: 'first', write: bringClaims },

  createPod: {
    lane: 'create',
    verify: [claimsAreSeen, creationsAreSafe],
    write: create,
    metric: 'create',
    reports: (actions) => [
      { reason: 'Scaled', message: 'scaling out' },
      ...(actions.some(({ creation }) => creation.origin)
        ? [{ reason: 'CreatePairTarget', message: 'creating Pods that replace others' }]
        : []),
    ],
    steps: absent,
  },
  mark: { lane: ({ isDrain }) => (isDrain ? 'scale-in' : 'others'), write: mark, metric: 'mark', reports: markReports },
  release: {
    lane: 'others',
    write: release,
    reports: (actions) => [
      { type: 'Warning', reason: 'TargetReleased', message: leftBehindText(actions.map(({ pod }) => pod)) },
    ],
  },
  purge: {
    lane: 'others',
    write: purge,
    reports: report('EndedTargetDeleted', `deleting Pods that have ended; the youngest ${KEPT_ENDED} stay`),
  },
  exclude: {
    lane: 'others',
    write: exclude,
    metric: 'exclude',
    reports: report('ExcludeTarget', 'releasing excluded Pods'),
  },
  include: {
    lane: 'others',
    verify: [creationsAreSafe],
    write: include,
    metric: 'include',
    reports: report('IncludeTarget', 'adding included Pods'),
  },

  cancel: { lane: byOperation, write: cancel, metric: 'cancel', event: 'operation.cancelled', steps: ending },
  delete: {
    lane: byOperation,
    verify: [scaleInIsCurrent],
    write: remove,
    metric: 'delete',
    event: 'operation.started',
    reports: () => [
      { reason: 'Scaled', message: 'scaling in' },
      { reason: 'TargetDeleted', message: 'deleting Pods that may leave' },
    ],
    steps: ahead,
  },
  begin: {
    lane: byOperation,
    write: begin,
    // Admission may change images with any write of a Pod.
    follow: ({ deps }, { pod }, written) => noteRewrite(deps, pod, written.pod),
    metric: 'begin',
    event: 'operation.requested',
    reports: beginReports,
    steps: ahead,
  },

  finish: {
    lane: 'update',
    write: finish,
    metric: 'finish',
    event: 'operation.done',
    reports: () => [
      { reason: 'UpdateReady', message: 'changed Pods run what the update asks for' },
      { reason: 'UpdateTargetFinished', message: 'returning updated Pods to service' },
    ],
    steps: ending,
  },
  revert: {
    lane: 'update',
    write: revert,
    follow: (pass, _, { pod }) => (pod ? resize(pass, { pod }) : Promise.resolve()),
    metric: 'change',
    steps: ending,
  },
  change: {
    lane: 'update',
    write: change,
    follow: (pass, { pod }, written) => completeChange(pass, pod, written.pod),
    metric: 'change',
    event: 'operation.started',
    reports: report('UpdateTarget', 'updating Pods in place'),
    steps: ahead,
  },
  resize: { lane: 'update', write: resize, steps: ending },
  recreate: {
    lane: 'update',
    write: recreate,
    metric: 'delete',
    event: 'operation.started',
    reports: report('UpdateTarget', 'deleting Pods to recreate them'),
    steps: ahead,
  },
  judgeResize: { lane: 'update', write: judgeResize, steps: ending },
  turn: { lane: 'update', write: turn, metric: 'begin' },
  relabel: {
    lane: 'update',
    write: relabel,
    metric: 'change',
    reports: report('UpdateTarget', 'updating Pods in place'),
    steps: ahead,
  },

  tidyContext: { lane: 'last', write: recordEntries },
  relabelClaim: { lane: 'last', write: relabelClaim, metric: 'claim' },
  deleteClaim: { lane: 'last', verify: [claimsAreUnused], write: deleteClaim, metric: 'claim' },
  expireRevision: { lane: 'last', write: expireRevision },
  reclaimNames: { lane: 'last', write: reclaimNames, metric: 'reclaim' },
  leaveClaim: { reports: leaveReports },

  awaitPermission: {
    reports: (actions) => (actions.some(({ operation }) => operation === 'scale-in') ? [WAITING_TO_LEAVE] : []),
    steps: ahead,
  },
  awaitDeletion: {
    reports: (actions) => (actions.some(({ operation }) => operation === 'scale-in') ? [WAITING_TO_LEAVE] : []),
    steps: ahead,
  },
  awaitTermination: {},
  awaitKubelet: {
    reports: () => [
      {
        reason: 'WaitingUpdateReady',
        message: 'waiting for changed Pods to run what the update asks for',
        isWait: true,
      },
    ],
    steps: ending,
  },
  awaitReplacement: { steps: (action) => (action.operation === 'update' ? ahead(action) : 0) },
  awaitService: { steps: () => 1 },
  awaitCreation: { steps: absent },
  awaitBackOff: { steps: absent },
  awaitResume: {},
  awaitTime: {},

  blockRevision: {},
  blockUpdate: {},
  blockCreation: {},
  refuseListed: {
    reports: (actions, isNews) =>
      actions
        .filter(({ pod, reason }) => isNews(`${reason}/${pod}`, 'generation'))
        .map(({ reason, message }) => ({ type: 'Warning', reason, message })),
  },
};

/** The row of an action's kind, typed for the action. */
export function rowOf<K extends ActionKind>(action: ActionOf<K>): Row<K> {
  return ACTIONS[action.do as K] as Row<K>;
}

const WAITING_TO_LEAVE: Report = {
  reason: 'TargetScaleInLifecycle',
  message: 'waiting for Pods to be permitted to leave',
  isWait: true,
};

function markReports(actions: readonly Marking[]): readonly Report[] {
  const reports: Report[] = [];
  for (const { pod, labels, isDrain } of actions) {
    if (isDrain) reports.push({ reason: 'TargetsDeleted', message: 'marking all Pods to be deleted' });
    if (labels[REPLACED_BY_REPLACE_UPDATE_LABEL]) {
      reports.push({ reason: 'ReplaceUpdateTarget', message: 'marking Pods to be replaced at the updated revision' });
    }
    if (labels[REPLACE_PAIR_NEW_ID_LABEL]) {
      reports.push({ reason: 'UpdateOriginTarget', message: 'recording on Pods which Pod replaces them' });
    }
    if (labels[TO_DELETE_LABEL] && pod.metadata.labels?.[REPLACE_PAIR_ORIGIN_NAME_LABEL] !== undefined) {
      reports.push({ reason: 'DeleteOldNewTarget', message: 'deleting new Pods that are no longer wanted' });
    }
  }
  return reports;
}

/** One Event for all Pods of a pass: one for each would double the writes that an update costs. */
function beginReports(actions: readonly ActionOf<'begin'>[]): readonly Report[] {
  const reports: Report[] = [];
  for (const action of actions) {
    if (action.operation === 'scale-in') {
      reports.push({ reason: 'BeginScaleInLifecycle', message: 'beginning the scale-in of Pods' });
      continue;
    }
    reports.push({ reason: 'TargetUpdateLifecycle', message: 'beginning the update of Pods' });
    const { transition, pod } = action;
    if (transition.mode === 'in-place' || transition.reason !== UNKNOWN_REVISION) continue;
    const message = `Pod ${pod.metadata.name} is recreated: ${UNKNOWN_REVISION}`;
    reports.push({ type: 'Warning', reason: 'TargetCurrentRevisionNotFound', message });
  }
  return reports;
}

function leaveReports(actions: readonly ActionOf<'leaveClaim'>[], isNews: IsNews): readonly Report[] {
  const news = actions
    .map(({ left }) => left)
    .filter(({ claim, reason }) => isNews(`${claim.metadata.uid}/${reason}`, 'set'));
  const [own, others] = [news.filter(({ isOwn }) => isOwn), news.filter(({ isOwn }) => !isOwn)];
  const reason = 'ClaimsLeftAlone';
  return [
    ...(own.length > 0 ? [{ type: 'Warning', reason, message: leftMessage(own) } as const] : []),
    ...(others.length > 0 ? [{ reason, message: leftMessage(others) }] : []),
  ];
}
