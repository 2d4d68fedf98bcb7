export type {
  CollaSetEvent,
  CollaSetEventData,
  CollaSetEventName,
  EventKind,
  KuperatorEvent,
  PodEvent,
  PodEventData,
  PodEventName,
  RuleEvent,
  RuleEventData,
  RuleEventName,
} from './catalog.ts';
export type { Received } from './envelope.ts';
export { createEventBus } from './event-bus.ts';
export { collaSetEvent, podEvent, ruleEvent } from './events.ts';
export type { OperationRef, Stage } from './fields.ts';
export { natsConfig } from './nats-config.ts';
export { operatorBus } from './operator-bus.ts';
export type {
  BusState,
  DropReason,
  EventBus,
  EventBusOptions,
  EventHandler,
  EventLogger,
  EventMeta,
  NatsAccess,
  StreamSettings,
  Unsubscribe,
} from './options.ts';
export { type ReadEventsOptions, readEvents } from './read-events.ts';
export { type EventFilter, parseSubject, subjectFilterFor, subjectFor } from './subjects.ts';
