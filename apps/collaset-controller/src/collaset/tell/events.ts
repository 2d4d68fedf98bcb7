import { COLLASET_OPERATION_ID, type CollaSet, type Pod, replicasOf } from '@kuperator/api';
import { collaSetEvent, type KuperatorEvent, podEvent, type Stage } from '@kuperator/events';
import { type OperationStage, operationsOf, permittedSince } from '@kuperator/lifecycle';
import { revisionNameOf } from '../ids/members.ts';
import type { Plan } from '../plan/plan.ts';

const STAGES: Record<OperationStage, Stage> = {
  PreCheck: 'PreCheck',
  Preparing: 'Preparing',
  Operate: 'Operate',
  Parked: 'Operate',
  PostCheck: 'PostCheck',
  Completing: 'Completing',
};

type About = { readonly set: CollaSet; readonly pod: Pod; readonly type: string };

/** @param nanos the value the operation's labels were begun with */
export function requested({ set, pod, type }: About, nanos: string): KuperatorEvent {
  return podEvent('operation.requested', pod, { ...operation(set, type), stage: 'PreCheck', since: nanos });
}

/** @param revision the one the Pod is changed to; none for a deletion */
export function started({ set, pod, type }: About, revision?: string): KuperatorEvent {
  const since = String(permittedSince(pod, COLLASET_OPERATION_ID) ?? 0);
  const facts = { ...operation(set, type), stage: 'Operate', since } as const;
  return podEvent('operation.started', pod, revision === undefined ? facts : { ...facts, revision });
}

/** @param nanos the value the operation's labels were finished with */
export function done({ set, pod, type }: About, nanos: string): KuperatorEvent {
  const revision = revisionNameOf(pod);
  return podEvent('operation.done', pod, {
    ...operation(set, type),
    stage: 'PostCheck',
    since: nanos,
    ...(revision ? { revision } : {}),
  });
}

export function cancelled({ set, pod, type }: About): KuperatorEvent {
  const live = operationsOf(pod).find(({ id }) => id === COLLASET_OPERATION_ID);
  return podEvent('operation.cancelled', pod, {
    ...operation(set, type),
    stage: STAGES[live?.stage ?? 'PreCheck'],
    since: live?.since ?? '0',
  });
}

function operation(set: CollaSet, type: string) {
  return { operation: { id: COLLASET_OPERATION_ID, type }, owner: set.metadata.name ?? '' };
}

/** What a pass did towards the replicas; undefined when nothing. */
export function scaling(set: CollaSet, { scale, context, members }: Plan): KuperatorEvent | undefined {
  const steps = {
    create: context.creations.length,
    beginScaleIn: scale.begin.length,
    cancelScaleIn: scale.cancel.length,
    delete: scale.delete.length,
  };
  if (Object.values(steps).every((count) => count === 0)) return undefined;
  return collaSetEvent('scaling', set, {
    generation: set.metadata.generation ?? 0,
    replicas: replicasOf(set),
    current: members.active.length,
    ...steps,
  });
}

/** What a pass did towards the updated revision; undefined when nothing. */
export function updating(set: CollaSet, { update, members }: Plan, revision: string): KuperatorEvent | undefined {
  const steps = {
    begin: update.begin.length,
    operate: update.change.length + update.relabel.length + update.recreate.length,
    finish: update.finish.length,
  };
  if (Object.values(steps).every((count) => count === 0)) return undefined;
  return collaSetEvent('updating', set, {
    generation: set.metadata.generation ?? 0,
    revision,
    replicas: replicasOf(set),
    updated: members.active.filter((pod) => revisionNameOf(pod) === revision).length,
    ...steps,
  });
}

export function settled(set: CollaSet, revision: string, available: number): KuperatorEvent {
  return collaSetEvent('settled', set, {
    generation: set.metadata.generation ?? 0,
    revision,
    replicas: replicasOf(set),
    available,
  });
}
