import { own, type Pod, permissionLabel, SERVICE_AVAILABLE_LABEL, stageLabel } from '@kuperator/api';
import { applyLabels, diffLabels, isEmpty, type LabelChanges } from './label-changes.ts';
import { isDrained, podStateOf } from './pod-state.ts';
import { settle } from './settle.ts';
import { StageLabels } from './stage-labels.ts';

export type OperationStage = 'PreCheck' | 'Preparing' | 'Operate' | 'Parked' | 'PostCheck' | 'Completing';

/** One run of an operation on a Pod, as its labels show it. */
export type Operation = {
  readonly id: string;
  /** Undefined if its controller has not written the type yet. */
  readonly type: string | undefined;
  /** `Parked`: its controller has finished it, but it waits until no other operation on the Pod operates. */
  readonly stage: OperationStage;
  /** Value of the label that brought it into the stage: Unix nanoseconds, decimal. */
  readonly since: string;
};

/** The Pod's live operations in order of their ids. */
export function operationsOf(pod: Pod): readonly Operation[] {
  const labels = new StageLabels(pod.metadata.labels ?? {});
  return labels.liveIds().map((id) => {
    const type = labels.get(id, 'operation-type') ?? labels.get(id, 'done-operation-type');
    const at = (stage: OperationStage, since: string | undefined): Operation => ({
      id,
      type,
      stage,
      since: since ?? '0',
    });
    if (labels.has(id, 'operated') && !labels.has(id, 'operating')) {
      if (labels.has(id, 'completing')) return at('Completing', labels.get(id, 'completing'));
      return at('PostCheck', labels.get(id, 'post-check') ?? labels.get(id, 'operated'));
    }
    if (labels.has(id, 'operate')) {
      return at(labels.has(id, 'operating') ? 'Operate' : 'Parked', labels.get(id, 'operate'));
    }
    if (labels.has(id, 'pre-checked'))
      return at('Preparing', labels.get(id, 'preparing') ?? labels.get(id, 'pre-checked'));
    return at('PreCheck', labels.get(id, 'pre-check') ?? labels.get(id, 'operating'));
  });
}

/** True if operation `id` has begun and is not finished; with `type`, only if it has that type. */
export function hasOperation(pod: Pod, id: string, type?: string): boolean {
  const labels = pod.metadata.labels ?? {};
  return (
    Object.hasOwn(labels, stageLabel('operating', id)) &&
    (type === undefined || own(labels, stageLabel('operation-type', id)) === type)
  );
}

/**
 * True if operation `id` of `type` is permitted now: the rules agreed and the Pod's traffic is off. The label `operate` alone is not enough,
 * because every user who may patch Pods can set it. The checks must also have passed, the gate must be closed and no adapter may hold
 * the Pod.
 */
export function isPermitted(pod: Pod, id: string, type: string): boolean {
  const labels = pod.metadata.labels ?? {};
  const granted = [stageLabel('operate', id), stageLabel('pre-checked', id), permissionLabel(type)];
  return (
    hasOperation(pod, id, type) && granted.every((label) => Object.hasOwn(labels, label)) && isDrained(podStateOf(pod))
  );
}

/** When `operate` was granted, in Unix nanoseconds; undefined if it was not granted, or if a user wrote another value. */
export function permittedSince(pod: Pod, id: string): bigint | undefined {
  const value = own(pod.metadata.labels, stageLabel('operate', id));
  return value !== undefined && /^\d+$/.test(value) ? BigInt(value) : undefined;
}

export function isServiceAvailable(pod: Pod): boolean {
  return SERVICE_AVAILABLE_LABEL in (pod.metadata.labels ?? {});
}

export type OperationChange = {
  readonly id: string;
  /** Unix time in nanoseconds, decimal. */
  readonly nanos: string;
  /** Further label changes for the same write. */
  readonly labels?: LabelChanges;
};

/**
 * Label changes that begin operation `id` in one merge patch. The Pod is then in PreCheck. Labels of an earlier run of the id, or of a run
 * with another type, are removed, so that the operation inherits nothing.
 * @returns undefined if there is nothing to change, because the operation of that type is in progress
 */
export function beginOperation(pod: Pod, change: OperationChange & { type: string }): LabelChanges | undefined {
  const { id, type, nanos } = change;
  return labelChanges(pod, change, (labels) => {
    if (hasOperation(pod, id, type)) return;
    labels.dropAll(id);
    labels.set(id, 'operating', nanos);
    labels.set(id, 'operation-type', type);
  });
}

/**
 * Label changes that finish operation `id`. If it was not permitted yet, it is undone instead (D8).
 * @returns undefined if there is nothing to change
 */
export function finishOperation(pod: Pod, change: OperationChange): LabelChanges | undefined {
  return labelChanges(pod, change, (labels) => {
    if (!labels.has(change.id, 'operating')) return;
    if (labels.has(change.id, 'operate')) labels.drop(change.id, 'operating');
    else labels.dropAll(change.id);
  });
}

/**
 * Label changes that undo operation `id` in any stage. The coordinator then returns the Pod to service.
 * @returns undefined if there is nothing to change
 */
export function cancelOperation(pod: Pod, change: OperationChange): LabelChanges | undefined {
  return labelChanges(pod, change, (labels) => labels.dropAll(change.id));
}

/**
 * The write that adds `finalizer` to the Pod or removes it: the finalizer list and the label changes that follow, for one patch. The removal
 * of the last finalizer grants `operate`; the addition of the last one ends the operation.
 */
export function withFinalizer(
  pod: Pod,
  { finalizer, present, nanos }: { readonly finalizer: string; readonly present: boolean; readonly nanos: string },
): { finalizers: string[]; labels: LabelChanges } {
  const others = (pod.metadata.finalizers ?? []).filter((name) => name !== finalizer);
  const finalizers = present ? [...others, finalizer] : others;
  return { finalizers, labels: settle({ ...podStateOf(pod), finalizers }, nanos).labels };
}

function labelChanges(
  pod: Pod,
  change: OperationChange,
  edit: (labels: StageLabels) => void,
): LabelChanges | undefined {
  const state = podStateOf(pod);
  const edited = new StageLabels(applyLabels(state.labels, change.labels ?? {}));
  edit(edited);
  const labels = edited.toLabels();
  const settled = applyLabels(labels, settle({ ...state, labels }, change.nanos).labels);
  const changes = diffLabels(state.labels, settled);
  return isEmpty(changes) ? undefined : changes;
}
