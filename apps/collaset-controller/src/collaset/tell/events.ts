import { COLLASET_OPERATION_ID, type CollaSet, replicasOf } from '@kuperator/api';
import { collaSetEvent, type KuperatorEvent, podEvent, type Stage } from '@kuperator/events';
import { type OperationStage, operationsOf, permittedSince } from '@kuperator/lifecycle';
import { ACTIONS } from '../act/actions.ts';
import type { Done } from '../act/run.ts';
import { revisionNameOf } from '../ids/members.ts';
import { type Action, actionsOf, podOf } from '../plan/action.ts';

const STAGES: Record<OperationStage, Stage> = {
  PreCheck: 'PreCheck',
  Preparing: 'Preparing',
  Operate: 'Operate',
  Parked: 'Operate',
  PostCheck: 'PostCheck',
  Completing: 'Completing',
};

/**
 * The NATS event of an action that was written to a Pod; undefined if its kind has none.
 * @param updated name of the updated revision
 */
export function eventOf(set: CollaSet, { action, written }: Done, updated?: string): KuperatorEvent | undefined {
  const { event } = ACTIONS[written.insteadAs ?? action.do];
  const pod = podOf(action);
  if (!event || !pod || !('operation' in action) || action.operation === undefined) return undefined;
  const about = operation(set, action.operation);
  const nanos = written.nanos ?? '0';
  switch (event) {
    case 'operation.requested':
      return podEvent(event, pod, { ...about, stage: 'PreCheck', since: nanos });
    case 'operation.started': {
      const since = String(permittedSince(pod, COLLASET_OPERATION_ID) ?? 0);
      const revision = action.do === 'change' ? updated : undefined;
      return podEvent(event, pod, { ...about, stage: 'Operate', since, ...(revision ? { revision } : {}) });
    }
    case 'operation.done': {
      const revision = revisionNameOf(pod);
      return podEvent(event, pod, { ...about, stage: 'PostCheck', since: nanos, ...(revision ? { revision } : {}) });
    }
    case 'operation.cancelled': {
      const live = operationsOf(pod).find(({ id }) => id === COLLASET_OPERATION_ID);
      return podEvent(event, pod, { ...about, stage: STAGES[live?.stage ?? 'PreCheck'], since: live?.since ?? '0' });
    }
  }
}

function operation(set: CollaSet, type: string) {
  return { operation: { id: COLLASET_OPERATION_ID, type }, owner: set.metadata.name ?? '' };
}

/** The event about the steps of a pass towards the replicas; undefined if there are none. */
export function scaling(
  set: CollaSet,
  actions: readonly Action[],
  countActive: () => number,
): KuperatorEvent | undefined {
  const isScaleIn = (action: Action) => 'operation' in action && action.operation === 'scale-in';
  const steps = {
    create: actionsOf(actions, 'createPod').length,
    beginScaleIn: actionsOf(actions, 'begin').filter(isScaleIn).length,
    cancelScaleIn: actionsOf(actions, 'cancel').filter(isScaleIn).length,
    delete: actionsOf(actions, 'delete').length,
  };
  if (Object.values(steps).every((count) => count === 0)) return undefined;
  return collaSetEvent('scaling', set, {
    generation: set.metadata.generation ?? 0,
    replicas: replicasOf(set),
    current: countActive(),
    ...steps,
  });
}

/** The event about the steps of a pass towards the updated revision; undefined if there are none. */
export function updating(
  set: CollaSet,
  actions: readonly Action[],
  { revision, countUpdated }: { readonly revision: string; readonly countUpdated: () => number },
): KuperatorEvent | undefined {
  const steps = {
    begin: actionsOf(actions, 'begin').filter(({ operation }) => operation === 'update').length,
    operate: actionsOf(actions, 'change', 'relabel', 'recreate').length,
    finish: actionsOf(actions, 'finish').length,
  };
  if (Object.values(steps).every((count) => count === 0)) return undefined;
  return collaSetEvent('updating', set, {
    generation: set.metadata.generation ?? 0,
    revision,
    replicas: replicasOf(set),
    updated: countUpdated(),
    ...steps,
  });
}

/** The event that the set has what it asks for. */
export function settled(set: CollaSet, revision: string, available: number): KuperatorEvent {
  return collaSetEvent('settled', set, {
    generation: set.metadata.generation ?? 0,
    revision,
    replicas: replicasOf(set),
    available,
  });
}
