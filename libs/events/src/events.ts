import type { KubeObject } from '@kuperator/api';
import {
  type CollaSetEvent,
  type CollaSetEventData,
  type CollaSetEventName,
  type EventKind,
  entryOf,
  type PodEvent,
  type PodEventData,
  type PodEventName,
  type RuleEvent,
  type RuleEventData,
  type RuleEventName,
} from './catalog.ts';
import { eventIdFor, traceparentFor } from './identity.ts';

/** `time` (RFC 3339): when the fact happened; now by default. `traceparent`: continues this trace instead of that of the operation. */
type EventContext = { time?: string | undefined; traceparent?: string | undefined };

/** Event data without the uid, which is taken from the object. */
type WithoutUid<Data> = Data extends unknown ? Omit<Data, 'uid'> & { uid?: string | undefined } : never;

type About = Pick<KubeObject, 'metadata'>;

/** Builds an event about a Pod. */
export function podEvent<Name extends PodEventName>(
  event: Name,
  pod: About,
  data: WithoutUid<PodEventData<Name>>,
  context: EventContext = {},
): PodEvent<Name> {
  return describe('pod', event, pod, data, context) as PodEvent<Name>;
}

/** Builds an event about a CollaSet. */
export function collaSetEvent<Name extends CollaSetEventName>(
  event: Name,
  set: About,
  data: WithoutUid<CollaSetEventData<Name>>,
  context: EventContext = {},
): CollaSetEvent<Name> {
  return describe('collaset', event, set, data, context) as CollaSetEvent<Name>;
}

/** Builds an event about a PodTransitionRule. */
export function ruleEvent<Name extends RuleEventName>(
  event: Name,
  rule: About,
  data: WithoutUid<RuleEventData<Name>>,
  context: EventContext = {},
): RuleEvent<Name> {
  return describe('podtransitionrule', event, rule, data, context) as RuleEvent<Name>;
}

function describe(kind: EventKind, event: string, { metadata }: About, given: object, context: EventContext) {
  const uid = metadata.uid ?? '';
  const data: EventFacts = { ...given, uid };
  const id = eventIdFor(kind, event, entryOf(kind, event)?.declaration.identity(data, metadata.resourceVersion) ?? []);
  return {
    kind,
    event,
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    data,
    id,
    time: context.time,
    traceparent: context.traceparent ?? traceparentFor(uid, data.operation ?? data.operations?.[0], id),
  };
}

type EventFacts = { uid: string; operation?: { id: string }; operations?: readonly { id: string }[] };
