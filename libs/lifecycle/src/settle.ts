// This function makes all decisions of the PodOpsLifecycle. Each of our operators that writes a Pod writes the result of this function. So no
// state is stored that the protocol can leave by itself, and no admission webhook is needed to advance it.

import { COMPLETING_LABEL, CREATING_LABEL, SERVICE_AVAILABLE_LABEL, STAY_OFFLINE_LABEL } from '@kuperator/api';
import { diffLabels, type LabelChanges } from './label-changes.ts';
import { hasExpectedFinalizers, isDrained, isGateOpen, type PodState } from './pod-state.ts';
import { StageLabels } from './stage-labels.ts';

/** An operation that asks whether it may pass a stage. */
export type CheckRequest = {
  readonly id: string;
  readonly type: string;
  readonly stage: 'PreCheck' | 'PostCheck';
  /** Value of its `pre-check` or `post-check` label: distinguishes this run of the operation from an earlier one (D7). */
  readonly since: string;
};

/** What only the coordinator may do: let operations pass stages, and open and close the service-ready gate. */
export type Authority = {
  /** True if every rule lets the operation pass. Called only for operations that are in the stage. */
  readonly passes: (request: CheckRequest) => boolean;
  /**
   * Finalizers of the adapters that guard the Pod's traffic and must be asked before it counts as off. The write that closes the gate adds
   * the missing ones. Each adapter removes its finalizer when it sees the gate closed and no traffic.
   */
  readonly guards?: readonly string[];
  /** True if traffic may be about to arrive at the Pod and is not guarded yet. Until it is, the gate stays open and no PreCheck passes. */
  readonly arriving?: boolean;
};

export type Settled = {
  /** Label changes that settle the Pod; empty if it is settled. */
  readonly labels: LabelChanges;
  /** New status of the service-ready condition, only if it must change and the caller has the authority. */
  readonly gate?: 'True' | 'False';
  /** Finalizers to add in the write that closes the gate; absent if all guards are on the Pod. */
  readonly guards?: readonly string[];
};

/** The recorded type of an operation whose controller removed the type label before it could be read. */
const UNKNOWN_TYPE = 'unknown';

/**
 * Runs the protocol from `state` until nothing changes any more.
 * @param nanos Unix time in nanoseconds, decimal: the value of every label that is set here
 * @param authority only the coordinator has it; without it no stage is passed and the gate stays as it is
 */
export function settle(state: PodState, nanos: string, authority?: Authority): Settled {
  const labels = new StageLabels(state.labels);
  let { gate, finalizers } = state;
  // Each round advances at least one operation by one stage, or opens or closes the gate. The longest path has a fixed number of stages
  // (undo, pre-check, pre-checked, operate; finish to cleared), so this ends. The limit guards against a mistake in this reasoning.
  for (let round = 0; round < 12; round++) {
    const before = labels.toLabels();
    const gateBefore = gate;
    const now = { ...state, gate, finalizers };
    dropUndone(labels);
    finishOperated(labels, nanos);
    restartChanged(labels);
    dropStray(labels);
    if (authority) passChecks(labels, nanos, authority);
    enterStages(labels, now, nanos);
    revokePermissions(labels);
    if (authority && state.gated) gate = desiredGate(labels, now, authority) ?? gate;
    // This comes before the next round checks whether the Pod is drained: an open gate does not show traffic that is about to arrive.
    if (gate === 'False' && state.gate === 'True') finalizers = union(state.finalizers, authority?.guards);
    complete(labels, { ...now, gate });
    settleAvailability(labels, { ...now, gate }, nanos);
    if (gate === gateBefore && sameLabels(before, labels.toLabels())) break;
  }
  const changes = diffLabels(state.labels, labels.toLabels());
  if (gate === state.gate || (gate !== 'True' && gate !== 'False')) return { labels: changes };
  const guards = finalizers.slice(state.finalizers.length);
  return { labels: changes, gate, ...(guards.length > 0 ? { guards } : {}) };
}

function union(a: readonly string[], b: readonly string[] = []): readonly string[] {
  return [...new Set([...a, ...b])];
}

/** An undo label removes its operation. An undo label without a live operation is removed too, because it would undo the next one (D9). */
function dropUndone(labels: StageLabels): void {
  for (const id of labels.ids()) if (labels.has(id, 'undo-operation-type')) labels.dropAll(id);
}

/**
 * The joint step: no operation leaves Operate while another one still operates. Then all of them continue together. Operations that left
 * Operate earlier are not changed, so a late operation neither holds them nor is held by them (D1).
 */
function finishOperated(labels: StageLabels, nanos: string): void {
  const live = labels.liveIds();
  if (live.some((id) => labels.has(id, 'operating'))) return;
  for (const id of live) {
    if (labels.has(id, 'operate') && !labels.has(id, 'operated')) {
      const type = labels.get(id, 'operation-type') ?? unclaimedPermission(labels) ?? UNKNOWN_TYPE;
      labels.drop(id, 'operate', 'operation-type', 'pre-check', 'pre-checked', 'preparing');
      labels.set(id, 'operated', nanos);
      labels.set(id, 'done-operation-type', type);
    }
  }
}

/** A controller may finish by removing `operating` and the type together; its permission still names the type. */
function unclaimedPermission(labels: StageLabels): string | undefined {
  const claimed = new Set(labels.liveIds().map((id) => labels.get(id, 'operation-type')));
  return labels.permittedTypes().find((type) => !claimed.has(type));
}

function restartChanged(labels: StageLabels): void {
  for (const id of labels.liveIds()) {
    if (!labels.has(id, 'operating')) {
      // A person has set the labels, so the operation is parked without a permission. It no longer needs one.
      if (!isPermissionLeft(labels, id)) labels.drop(id, 'pre-checked');
      continue;
    }
    // The operation began again before the labels of the last run were removed. Those labels would let it skip its checks (D11, T15).
    if (labels.has(id, 'operated')) {
      labels.drop(id, 'pre-check', 'pre-checked', 'preparing', 'operate');
      labels.drop(id, 'operated', 'done-operation-type', 'post-check', 'post-checked', 'completing');
    }
    // A person has set `operate` although the checks were not passed: the Pod would be changed while it is in traffic.
    if (!labels.has(id, 'pre-checked')) labels.drop(id, 'operate');
    // The permission was for another type, so the operation must pass the checks again (D10).
    if (labels.has(id, 'pre-checked') && !isPermissionLeft(labels, id)) {
      labels.drop(id, 'pre-checked', 'preparing', 'operate');
    }
  }
}

/** True if there is a permission with which the operation may have passed. Without its type label, that is one that no other operation has. */
function isPermissionLeft(labels: StageLabels, id: string): boolean {
  const type = labels.get(id, 'operation-type');
  return type === undefined ? unclaimedPermission(labels) !== undefined : labels.isTypePermitted(type);
}

/** Labels that belong to no live operation, or to a stage their operation is not in. */
function dropStray(labels: StageLabels): void {
  for (const id of labels.ids()) {
    if (!labels.isLive(id)) {
      // A controller may write the type first and `operating` afterwards. A type alone has no effect.
      const stages = labels.stagesOf(id);
      if (!(stages.length === 1 && stages[0] === 'operation-type')) labels.dropAll(id);
    } else if (!labels.has(id, 'operated')) {
      labels.drop(id, 'done-operation-type', 'post-check', 'post-checked', 'completing');
    } else {
      labels.drop(id, 'operate', 'pre-check', 'pre-checked', 'preparing');
      labels.ensure(id, 'done-operation-type', UNKNOWN_TYPE);
    }
  }
}

function passChecks(labels: StageLabels, nanos: string, authority: Authority): void {
  for (const id of labels.liveIds()) {
    const type = labels.get(id, 'operation-type');
    const waitsSince = labels.get(id, 'pre-check');
    if (
      labels.has(id, 'operating') &&
      !labels.has(id, 'pre-checked') &&
      type !== undefined &&
      waitsSince !== undefined
    ) {
      if (!authority.arriving && authority.passes({ id, type, stage: 'PreCheck', since: waitsSince })) {
        labels.set(id, 'pre-checked', nanos);
        labels.permitType(type, nanos);
      }
    }
    const done = labels.get(id, 'done-operation-type') ?? UNKNOWN_TYPE;
    const checkedSince = labels.get(id, 'post-check');
    if (labels.has(id, 'operated') && !labels.has(id, 'post-checked') && checkedSince !== undefined) {
      if (authority.passes({ id, type: done, stage: 'PostCheck', since: checkedSince })) {
        labels.set(id, 'post-checked', nanos);
      }
    }
  }
}

function enterStages(labels: StageLabels, state: PodState, nanos: string): void {
  for (const id of labels.liveIds()) {
    if (labels.has(id, 'operating')) {
      if (!labels.has(id, 'pre-checked')) {
        labels.drop(id, 'preparing');
        labels.ensure(id, 'pre-check', nanos);
        continue;
      }
      labels.drop(id, 'pre-check');
      // In the same write as `preparing`, so that a budget never sees the Pod as neither granted nor unavailable.
      labels.dropOther(SERVICE_AVAILABLE_LABEL);
      if (!labels.has(id, 'operate')) {
        if (isDrained(state)) labels.set(id, 'operate', nanos);
        else labels.ensure(id, 'preparing', nanos);
      }
      if (labels.has(id, 'operate')) labels.drop(id, 'preparing');
    } else if (labels.has(id, 'operated')) {
      if (labels.has(id, 'post-checked')) labels.ensure(id, 'completing', nanos);
      if (labels.has(id, 'completing')) labels.drop(id, 'post-check');
      else labels.ensure(id, 'post-check', nanos);
    }
  }
}

/** A permission stands for operations that hold it; left behind it would let the next one of its type look permitted. */
function revokePermissions(labels: StageLabels): void {
  const held = new Set<string | undefined>();
  for (const id of labels.liveIds()) if (labels.has(id, 'pre-checked')) held.add(labels.get(id, 'operation-type'));
  if (held.has(undefined)) held.add(unclaimedPermission(labels));
  for (const type of labels.permittedTypes()) if (!held.has(type)) labels.revokeType(type);
}

/** @returns undefined when the gate should stay as it is */
function desiredGate(labels: StageLabels, state: PodState, { arriving }: Authority): 'True' | 'False' | undefined {
  const live = labels.liveIds();
  // Evaluated over all ids at once: one that prepares outweighs any number that complete (D2, T12).
  if (live.some((id) => labels.has(id, 'operating') && labels.has(id, 'pre-checked'))) return 'False';
  if (!live.every((id) => labels.has(id, 'completing'))) return undefined;
  if (!labels.hasOther(STAY_OFFLINE_LABEL)) return 'True';
  return state.gate === 'True' && !arriving ? 'False' : undefined;
}

/** Ends all operations together, once traffic may be on and everybody expected has put it on. */
function complete(labels: StageLabels, state: PodState): void {
  const live = labels.liveIds();
  if (!live.every((id) => labels.has(id, 'completing'))) return;
  // A Pod that is to stay offline would wait for traffic in vain.
  const serves = isGateOpen(state) && hasExpectedFinalizers(state);
  if (!serves && !labels.hasOther(STAY_OFFLINE_LABEL)) return;
  for (const id of live) {
    // Operated took the old type away; a type here is the first half of a Begin in two writes.
    const nextType = labels.get(id, 'operation-type');
    labels.dropAll(id);
    if (nextType !== undefined) labels.set(id, 'operation-type', nextType);
  }
}

function settleAvailability(labels: StageLabels, state: PodState, nanos: string): void {
  const offline = labels.hasOther(STAY_OFFLINE_LABEL);
  if (!state.ready || offline) {
    labels.dropOther(SERVICE_AVAILABLE_LABEL);
    return;
  }
  // Ready lags behind the gate: right after it closed the kubelet has not yet said so.
  if (labels.liveIds().length > 0 || !isGateOpen(state)) return;
  if (labels.hasOther(SERVICE_AVAILABLE_LABEL) || !hasExpectedFinalizers(state)) return;
  labels.setOther(SERVICE_AVAILABLE_LABEL, nanos);
  labels.dropOther(CREATING_LABEL);
  labels.dropOther(COMPLETING_LABEL);
}

function sameLabels(a: Record<string, string>, b: Record<string, string>): boolean {
  return Object.keys(diffLabels(a, b)).length === 0;
}
