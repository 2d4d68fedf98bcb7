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
  operations: Type.Array(Type.Object({ id: OperationRef.properties.id, since: Since }), { maxItems: 128 }),
  rejections: Type.Optional(
    Type.Array(Type.Object({ rule: Type.String({ maxLength: 253 }), reason: Message }), { maxItems: 128 }),
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
  employer: Type.String({ minLength: 1, maxLength: 400, description: 'The employer of the Pod: Kind/namespace/name' }),
  finalizer: Type.Optional(Type.String({ maxLength: 320 })),
});

const controllers = ['collaset-controller'];
const coordinator = ['podopslifecycle-coordinator'];
const engine = ['podtransitionrule-engine'];
const adapters = ['aliyun-slb-adapter', 'endpointslice-adapter'];

type About = { summary: string; publishers: readonly string[]; wakes: readonly string[] };

const operation = (about: About) =>
  declareEvent({
    ...about,
    data: OperationData,
    identity: ({ uid, operation, stage, since }) => [uid, operation.id, operation.type, stage, since],
  });

const gate = (summary: string) =>
  declareEvent({
    summary,
    publishers: coordinator,
    wakes: adapters,
    data: GateData,
    identity: ({ uid, operation, since }) => [uid, operation?.id, since],
  });

const traffic = (summary: string) =>
  declareEvent({
    summary,
    publishers: adapters,
    wakes: coordinator,
    data: TrafficData,
    identity: ({ uid, employer, operation, since }) => [uid, employer, operation?.id, since],
  });

/** The events of a Pod, in the order an operation meets them. */
export const POD_EVENTS = {
  'operation.requested': operation({
    summary: 'An operation has begun on the Pod and waits for PreCheck.',
    publishers: [...controllers, ...coordinator],
    wakes: engine,
  }),
  'transition.decided': declareEvent({
    summary: 'A PodTransitionRule has decided whether the Pod may pass its present stage.',
    publishers: engine,
    wakes: coordinator,
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
  'operation.permitted': operation({
    summary: 'The operation is permitted: the Pod has passed PreCheck and is drained.',
    publishers: coordinator,
    wakes: controllers,
  }),
  'operation.started': operation({
    summary: 'The operator has begun to change the Pod.',
    publishers: controllers,
    wakes: [],
  }),
  'operation.done': operation({
    summary: 'The change is done and the Pod waits for PostCheck.',
    publishers: controllers,
    wakes: [...engine, ...coordinator],
  }),
  'traffic.opening': gate('The readiness gate was opened: adapters take the Pod back into traffic.'),
  'traffic.on': traffic('A backend sends traffic to the Pod again.'),
  'operation.completed': operation({
    summary: 'The operation has ended. The Pod is service-available unless it must stay offline.',
    publishers: coordinator,
    wakes: [],
  }),
  'operation.cancelled': operation({
    summary: 'The operation was cancelled before it was done.',
    publishers: controllers,
    wakes: [],
  }),
  'operation.stalled': operation({
    summary: 'The operation has waited in its stage beyond the deadline. The message names the holder.',
    publishers: coordinator,
    wakes: [],
  }),
} as const;
