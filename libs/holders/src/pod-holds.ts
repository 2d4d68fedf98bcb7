// Finds what holds a Pod, from the Pod itself and a few additional facts.
import {
  AVAILABLE_CONDITIONS_ANNOTATION,
  COLLASET_OPERATION_ID,
  CONTROL_LABEL,
  isReady,
  isTerminal,
  isTerminating,
  LAST_POD_STATUS_ANNOTATION,
  own,
  POD_DELETE_OPERATION_ID,
  POD_EVICT_OPERATION_ID,
  type Pod,
  type PodTransitionRule,
  PROTECTION_FINALIZER_PREFIX,
} from '@kuperator/api';
import {
  isGateOpen,
  isServiceAvailable,
  missingFinalizers,
  type Operation,
  operationsOf,
  type PodState,
  podStateOf,
  protectionFinalizers,
} from '@kuperator/lifecycle';
import {
  ALIYUN_SLB_ADAPTER,
  COLLASET_CONTROLLER,
  COORDINATOR,
  ENDPOINTSLICE_ADAPTER,
  ENGINE,
  type Holder,
} from './holder.ts';
import { readinessHolder, resizeHolder, startHolder } from './kubelet.ts';
import { bounded, textOf } from './text.ts';
import { blindTold, isEngineTold, refusalsTold, stoppedTold } from './told.ts';
import { verdictFor } from './verdict.ts';

/** Facts in addition to the Pod. Only the time is required: an operator whose state is unknown is never reported as not running. */
export type Facts = {
  readonly nowMs: number;
  /** At least the PodTransitionRules that select the Pod. If undefined, what the coordinator recorded on the Pod is used. */
  readonly rules?: readonly PodTransitionRule[] | undefined;
  /** Returns whether an operator has a live Lease; undefined if that is unknown. */
  readonly isRunning?: ((app: string) => boolean | undefined) | undefined;
  /** Returns the name of the adapter that guards the traffic of an employer (`<Kind>/<namespace>/<name>`). */
  readonly adapterOf?: ((employer: string) => string | undefined) | undefined;
  /** Returns what keeps the adapter of an employer from its work; undefined if nothing does. */
  readonly problemOf?: ((employer: string) => string | undefined) | undefined;
  /** Kinds (in the plural) whose cache in the coordinator may be stale. If undefined, what the coordinator recorded on the Pod is used. */
  readonly blindTo?: readonly string[] | undefined;
  /** Employers whose adapter has not announced itself on the Pod, and employers whose traffic is still about to arrive. */
  readonly awaited?: readonly string[] | undefined;
  readonly arriving?: readonly string[] | undefined;
  /** The delay after which a permitted operation may continue; undefined for no delay. */
  readonly delay?: ((operation: Operation) => { seconds: number; untilMs: number } | undefined) | undefined;
  /** Why the in-place change of the Pod is not finished, from the CollaSet controller. */
  readonly unfinished?: string | undefined;
  /** Whether the Pod's node is ready, if that is known. */
  readonly isNodeReady?: boolean | undefined;
  /** When the Pod, once ready, counts as available. */
  readonly availableAtMs?: number | undefined;
};

/** One holder of one Pod. */
export type Hold = {
  readonly holder: Holder;
  /** Name of the Pod; undefined if the holder holds the whole set. */
  readonly pod: string | undefined;
  /** The operation that is held; undefined if the Pod itself is held while it starts or terminates. */
  readonly operation: Operation | undefined;
  /** The start of the wait in ms since the epoch; undefined if it is unknown. */
  readonly sinceMs: number | undefined;
  /** How far the Pod has advanced: a higher number is further. */
  readonly rank: number;
};

/** The further a Pod has advanced, the more Pods wait for it, so the higher its rank is. */
export const RANKS = {
  set: 0,
  PreCheck: 1,
  Preparing: 2,
  Operate: 3,
  Parked: 4,
  PostCheck: 5,
  Completing: 6,
  /** A new Pod that is not in service yet. */
  arriving: 7,
  terminating: 8,
  /** A Pod that cannot be created. */
  absent: 9,
} as const;

/**
 * The holders of the Pod. A terminating Pod has one holder, which keeps it from being removed. Any other Pod has one for each live operation or,
 * without an operation, the one that keeps it from being service-available. A Pod that waits for nothing has no holder. Pure.
 */
export function holdsOf(pod: Pod, facts: Facts): readonly Hold[] {
  const { name } = pod.metadata;
  if (isTerminating(pod)) {
    const deletedMs = Date.parse(pod.metadata.deletionTimestamp ?? '');
    const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000;
    const sinceMs = Number.isNaN(deletedMs) ? undefined : deletedMs - graceMs;
    return [{ holder: endHolder(pod, facts), pod: name, operation: undefined, sinceMs, rank: RANKS.terminating }];
  }
  const operations = operationsOf(pod);
  const state = podStateOf(pod);
  if (operations.length === 0) {
    const holder = arrivalHolder({ pod, state, facts });
    const created = Date.parse(pod.metadata.creationTimestamp ?? '');
    const sinceMs = Number.isNaN(created) ? undefined : created;
    return holder ? [{ holder, pod: name, operation: undefined, sinceMs, rank: RANKS.arriving }] : [];
  }
  return operations.map((operation) => ({
    holder: operationHolder({ pod, state, facts }, operation, operations),
    pod: name,
    operation,
    sinceMs: millisecondsOf(operation.since),
    rank: RANKS[operation.stage],
  }));
}

/** The present holder of the Pod. If there are several operations, it is that of the most advanced one. */
export function holdOf(pod: Pod, facts: Facts): Hold | undefined {
  return holdsOf(pod, facts).reduce<Hold | undefined>(
    (first, hold) => (first === undefined || hold.rank > first.rank ? hold : first),
    undefined,
  );
}

/** A Pod, its lifecycle state, and the additional facts. */
type View = { readonly pod: Pod; readonly state: PodState; readonly facts: Facts };

function operationHolder(view: View, operation: Operation, all: readonly Operation[]): Holder {
  const { pod, state, facts } = view;
  switch (operation.stage) {
    case 'PreCheck':
      return operation.type === undefined ? controller(operation, facts) : checkHolder(view, operation, 'PreCheck');
    case 'Preparing': {
      const [finalizer] = protectionFinalizers(state);
      return finalizer === undefined ? coordinator('close-gate', facts) : finalizerHolder(view, finalizer, 'off');
    }
    case 'Operate':
      return changeHolder(pod, operation, facts);
    case 'Parked':
      return { kind: 'other-operations', ids: all.filter(({ stage }) => stage !== 'Parked').map(({ id }) => id) };
    case 'PostCheck':
      return checkHolder(view, operation, 'PostCheck');
    case 'Completing':
      return serviceHolder(view) ?? coordinator('complete', facts);
  }
}

/** For a permitted operation: the controller makes its change, and if that is in place, the kubelet completes it. */
function changeHolder(pod: Pod, operation: Operation, facts: Facts): Holder {
  if (operation.id === POD_DELETE_OPERATION_ID) return coordinator('delete', facts);
  if (operation.id === POD_EVICT_OPERATION_ID) return { kind: 'eviction' };
  const delay = facts.delay?.(operation);
  const ours = controller(operation, facts);
  if (ours.kind === 'operation' && !ours.isRunning) return ours;
  const isChanged = pod.metadata.annotations?.[LAST_POD_STATUS_ANNOTATION] !== undefined;
  if (operation.id === COLLASET_OPERATION_ID && !isChanged) {
    return delay && delay.untilMs > facts.nowMs ? { kind: 'delay', ...delay } : ours;
  }
  // A third-party controller may or may not have changed the Pod. In both cases, what keeps its containers from running holds it.
  const failing = startHolder(pod, facts.nowMs, facts.isNodeReady) ?? (isChanged ? resizeHolder(pod) : undefined);
  if (failing) return failing;
  return facts.unfinished === undefined ? ours : { kind: 'change', reason: facts.unfinished };
}

function checkHolder({ pod, facts }: View, operation: Operation, stage: 'PreCheck' | 'PostCheck'): Holder {
  const passing = coordinator(stage, facts);
  if (passing.kind === 'coordinator' && !passing.isRunning) return passing;
  if (stage === 'PreCheck') {
    const { awaited = [], arriving = [] } = facts;
    if (awaited.length > 0) return adapter({ pod, facts }, { step: 'announce', employers: awaited, finalizer: '' });
    if (arriving.length > 0) return adapter({ pod, facts }, { step: 'arriving', employers: arriving, finalizer: '' });
  }
  const { id, type = '', since } = operation;
  const heldBy = facts.rules
    ? verdictFor(pod, facts.rules, { id, type, stage, since }).heldBy
    : refusalsTold(pod, stage);
  for (const hold of heldBy) {
    if (hold.by !== 'rules') continue;
    const holder = { kind: 'rule', rule: hold.rule, name: hold.name, reason: hold.reason } as const;
    // While the engine does not run, the refusal cannot be withdrawn.
    return isRunning(ENGINE, facts) ? holder : stoppedEngine(holder);
  }
  const [silent] = heldBy;
  if (silent || (!facts.rules && isEngineTold(pod))) {
    const rules = heldBy.map(({ rule }) => rule).slice(0, 5);
    return { kind: 'engine', rules, reason: silent?.reason ?? '', isRunning: isRunning(ENGINE, facts) };
  }
  const resources = facts.blindTo ?? blindTold(pod);
  return resources.length > 0 ? { kind: 'blind', resources } : passing;
}

function stoppedEngine(last: Extract<Holder, { kind: 'rule' }>): Holder {
  return { kind: 'engine', rules: [last.rule], reason: bounded(`the last one: ${textOf(last)}`), isRunning: false };
}

/** What the Pod still waits for after an operation before it is in service again. */
function serviceHolder(view: View): Holder | undefined {
  const { pod, state, facts } = view;
  const missing = missingFinalizers(state.expected, state.finalizers);
  if (!missing) return { kind: 'annotation', annotation: AVAILABLE_CONDITIONS_ANNOTATION };
  // Without a running container an open gate changes nothing.
  const failing = isReady(pod) ? undefined : startHolder(pod, facts.nowMs, facts.isNodeReady);
  if (failing) return failing;
  if (!isGateOpen(state)) return coordinator('open-gate', facts);
  const unready = isReady(pod) ? undefined : readinessHolder(pod, facts.nowMs, facts.isNodeReady);
  if (unready) return unready;
  if (!isReady(pod)) return { kind: 'node', node: '' };
  const [finalizer] = Object.values(missing);
  return finalizer === undefined ? undefined : finalizerHolder(view, finalizer, 'on');
}

/** For a Pod without an operation that is not in service, or not for long enough. */
function arrivalHolder(view: View): Holder | undefined {
  const { pod, facts } = view;
  const isControlled = pod.metadata.labels?.[CONTROL_LABEL] === 'true';
  if (isControlled && !isServiceAvailable(pod)) {
    const unready = isReady(pod) ? undefined : readinessHolder(pod, facts.nowMs, facts.isNodeReady);
    // The kubelet comes first, because a closed gate matters only once the containers run.
    return unready ?? serviceHolder(view) ?? coordinator('complete', facts);
  }
  if (!isReady(pod)) return readinessHolder(pod, facts.nowMs, facts.isNodeReady);
  const { availableAtMs } = facts;
  return availableAtMs !== undefined && availableAtMs > facts.nowMs
    ? { kind: 'min-ready', untilMs: availableAtMs }
    : undefined;
}

/** What keeps a deleted Pod from being removed: its containers until the grace period is over, then its node, then finalizers. */
function endHolder(pod: Pod, facts: Facts): Holder {
  const untilMs = Date.parse(pod.metadata.deletionTimestamp ?? '');
  const { finalizers = [] } = pod.metadata;
  const node = pod.spec.nodeName;
  const runs = !isTerminal(pod) && (pod.status?.containerStatuses ?? []).some(({ state }) => state?.running);
  if (finalizers.length > 0 && (!runs || !(untilMs > facts.nowMs))) {
    const [ours] = finalizers.filter((finalizer) => finalizer.startsWith(PROTECTION_FINALIZER_PREFIX));
    if (ours !== undefined) return finalizerHolder({ pod, state: podStateOf(pod), facts }, ours, 'off');
    return { kind: 'finalizer', finalizers: finalizers.slice(0, 5) };
  }
  const isOverdue = facts.nowMs - untilMs > NODE_PATIENCE_MS;
  return isOverdue || facts.isNodeReady === false
    ? { kind: 'node', node: node ?? '' }
    : { kind: 'terminating', untilMs: Number.isNaN(untilMs) ? facts.nowMs : untilMs, node };
}

/** After the grace period the kubelet kills what still runs, and reports it within moments. */
const NODE_PATIENCE_MS = 30_000;

function finalizerHolder({ pod, state, facts }: View, finalizer: string, step: 'off' | 'on'): Holder {
  const { expected = {} } = state;
  const employers = Object.keys(expected).filter((employer) => own(expected, employer) === finalizer);
  const isAwaited = step === 'on' && employers.some((employer) => facts.awaited?.includes(employer));
  return adapter({ pod, facts }, { step: isAwaited ? 'announce' : step, employers, finalizer });
}

function adapter(
  { pod, facts }: Pick<View, 'pod' | 'facts'>,
  { step, employers, finalizer }: Pick<Extract<Holder, { kind: 'adapter' }>, 'step' | 'employers' | 'finalizer'>,
): Holder {
  const app = employers.map((employer) => facts.adapterOf?.(employer)).find((found) => found !== undefined);
  const stopped = facts.adapterOf ? undefined : stoppedTold(pod);
  const problem = employers.map((employer) => facts.problemOf?.(employer)).find((found) => found !== undefined);
  return {
    kind: 'adapter',
    step,
    employers: employers.slice(0, 5),
    finalizer,
    app: app ?? (stopped === undefined || stopped === COORDINATOR || stopped === ENGINE ? undefined : stopped),
    // A third-party adapter has no Lease of ours, so it cannot be reported as missing.
    isRunning: app === undefined ? !isOurAdapter(stopped) : !isOurAdapter(app) || isRunning(app, facts),
    ...(problem === undefined ? {} : { problem }),
  };
}

function isOurAdapter(app: string | undefined): boolean {
  return app === ENDPOINTSLICE_ADAPTER || app === ALIYUN_SLB_ADAPTER;
}

function controller({ id, type }: Operation, facts: Facts): Holder {
  const app = own(OPERATORS, id);
  return {
    kind: 'operation',
    id,
    isTyped: type !== undefined,
    app,
    isRunning: app === undefined || isRunning(app, facts),
  };
}

/** The operator of ours that runs an operation, by the operation id. */
const OPERATORS: Readonly<Record<string, string>> = { [COLLASET_OPERATION_ID]: COLLASET_CONTROLLER };

function coordinator(step: Extract<Holder, { kind: 'coordinator' }>['step'], facts: Facts): Holder {
  return { kind: 'coordinator', step, isRunning: isRunning(COORDINATOR, facts) };
}

function isRunning(app: string, facts: Facts): boolean {
  return facts.isRunning?.(app) ?? true;
}

/** Label times are Unix nanoseconds. Other values, which users wrote, are ignored. */
function millisecondsOf(nanos: string): number | undefined {
  return /^\d{19}$/.test(nanos) ? Number(BigInt(nanos) / 1_000_000n) : undefined;
}
