import Type from 'typebox';
import { declareEvent } from './declaration.ts';
import { Generation, Message, Name, OperationRef, Reason, Since, Stage, Uid } from './fields.ts';

const OperationData = Type.Object({
  uid: Uid,
  operation: OperationRef,
  stage: Stage,
  since: Since,
  owner: Type.Optional(Name),
  revision: Type.Optional(Name),
  reason: Type.Optional(Reason),
  message: Type.Optional(Message),
});

const TransitionData = Type.Object({
  uid: Uid,
  rule: Type.Object({ name: Name, uid: Type.Optional(Uid), generation: Type.Optional(Generation) }),
  stage: Type.Union([Type.Literal('PreCheck'), Type.Literal('PostCheck')]),
  passed: Type.Boolean(),
  operations: Type.Array(Type.Object({ id: OperationRef.properties.id, since: Since }), { maxItems: 64 }),
  rejections: Type.Optional(
    Type.Array(Type.Object({ rule: Type.String({ maxLength: 253 }), reason: Message }), { maxItems: 32 }),
  ),
});

const GateData = Type.Object({
  uid: Uid,
  operation: Type.Optional(OperationRef),
  since: Since,
  reason: Type.Optional(Reason),
});

const TrafficData = Type.Object({
  uid: Uid,
  operation: Type.Optional(OperationRef),
  since: Since,
  employer: Type.String({ minLength: 1, maxLength: 400, description: 'Whose backend the Pod is: Kind/namespace/name' }),
  finalizer: Type.Optional(Type.String({ maxLength: 320 })),
});

const operation = (summary: string, publishers: readonly string[]) =>
  declareEvent({
    summary,
    publishers,
    data: OperationData,
    identity: ({ uid, operation, stage, since }) => [uid, operation.id, operation.type, stage, since],
  });

const gate = (summary: string) =>
  declareEvent({
    summary,
    publishers: ['podopslifecycle-coordinator'],
    data: GateData,
    identity: ({ uid, operation, since }) => [uid, operation?.id, since],
  });

const traffic = (summary: string) =>
  declareEvent({
    summary,
    publishers: ['aliyun-slb-adapter', 'endpointslice-adapter'],
    data: TrafficData,
    identity: ({ uid, employer, operation, since }) => [uid, employer, operation?.id, since],
  });

/** The events of a Pod, in the order an operation meets them. */
export const POD_EVENTS = {
  'operation.requested': operation('An operation was begun on the Pod and waits for PreCheck.', [
    'collaset-controller',
  ]),
  'transition.decided': declareEvent({
    summary: 'A PodTransitionRule has decided whether the Pod may pass the stage it is in.',
    publishers: ['podtransitionrule-engine'],
    data: TransitionData,
    identity: ({ uid, rule, stage, passed, operations }) => [
      uid,
      rule.uid ?? rule.name,
      rule.generation,
      stage,
      passed,
      ...operations.flatMap(({ id, since }) => [id, since]),
    ],
  }),
  'traffic.closing': gate('The readiness gate was closed: adapters take the Pod out of traffic.'),
  'traffic.off': traffic('A backend no longer sends traffic to the Pod.'),
  'operation.permitted': operation('The operation may go ahead: the Pod has passed PreCheck and is drained.', [
    'podopslifecycle-coordinator',
    'aliyun-slb-adapter',
    'endpointslice-adapter',
  ]),
  'operation.started': operation('The operator has begun to change the Pod.', ['collaset-controller']),
  'operation.done': operation('The change is done and the Pod waits for PostCheck.', ['collaset-controller']),
  'traffic.opening': gate('The readiness gate was opened: adapters take the Pod back into traffic.'),
  'traffic.on': traffic('A backend sends traffic to the Pod again.'),
  'operation.completed': operation(
    'The operation is over; the Pod is service-available unless it is to stay offline.',
    ['podopslifecycle-coordinator'],
  ),
  'operation.cancelled': operation('The operation was given up before it was done.', ['collaset-controller']),
} as const;
