// All events by kind: the source of the types, the validation and the AsyncAPI document.
import type { Static } from 'typebox';
import { COLLASET_EVENTS } from './collaset-events.ts';
import type { EventDeclaration } from './declaration.ts';
import { POD_EVENTS } from './pod-events.ts';
import { RULE_EVENTS } from './rule-events.ts';

export type PodEventName = keyof typeof POD_EVENTS;
export type CollaSetEventName = keyof typeof COLLASET_EVENTS;
export type RuleEventName = keyof typeof RULE_EVENTS;

export type PodEventData<Name extends PodEventName> = Static<(typeof POD_EVENTS)[Name]['data']>;
export type CollaSetEventData<Name extends CollaSetEventName> = Static<(typeof COLLASET_EVENTS)[Name]['data']>;
export type RuleEventData<Name extends RuleEventName> = Static<(typeof RULE_EVENTS)[Name]['data']>;

type Described<Kind extends string, Event extends string, Data> = {
  readonly kind: Kind;
  readonly event: Event;
  readonly namespace: string;
  readonly name: string;
  readonly data: Data;
  /** The same for the same fact, however often and by whichever operator it is reported. */
  readonly id: string;
  /** When the fact happened, RFC 3339; by default the bus sets the time of publishing. */
  readonly time?: string | undefined;
  /** W3C Trace Context; all events of one operation share a trace. */
  readonly traceparent: string;
};

/** An event about a Pod. Narrows on `event`. */
export type PodEvent<Name extends PodEventName = PodEventName> = {
  [Event in Name]: Described<'pod', Event, PodEventData<Event>>;
}[Name];
/** An event about a CollaSet. */
export type CollaSetEvent<Name extends CollaSetEventName = CollaSetEventName> = {
  [Event in Name]: Described<'collaset', Event, CollaSetEventData<Event>>;
}[Name];
/** An event about a PodTransitionRule. */
export type RuleEvent<Name extends RuleEventName = RuleEventName> = {
  [Event in Name]: Described<'podtransitionrule', Event, RuleEventData<Event>>;
}[Name];

/** Any event. Event names are unique across kinds, so `event` alone determines the type of the data. */
export type KuperatorEvent = PodEvent | CollaSetEvent | RuleEvent;
export type EventKind = KuperatorEvent['kind'];
type EventName = KuperatorEvent['event'];

type KindDeclaration = { readonly plural: string; readonly events: Readonly<Record<string, EventDeclaration>> };

/** Kind (as in the subject) to its plural (as in the object path) and events. */
const KINDS: Readonly<Record<EventKind, KindDeclaration>> = {
  pod: { plural: 'pods', events: POD_EVENTS },
  collaset: { plural: 'collasets', events: COLLASET_EVENTS },
  podtransitionrule: { plural: 'podtransitionrules', events: RULE_EVENTS },
};

export type CatalogEntry = {
  kind: EventKind;
  plural: string;
  event: EventName;
  type: string;
  declaration: EventDeclaration;
};

const ENTRIES: readonly CatalogEntry[] = Object.entries(KINDS).flatMap(([kind, { plural, events }]) =>
  Object.entries(events).map(([event, declaration]) => ({
    kind: kind as EventKind,
    plural,
    event: event as EventName,
    type: `io.kusionstack.kuperator.${kind}.${event}.v1`,
    declaration,
  })),
);
const BY_TYPE = new Map(ENTRIES.map((entry) => [entry.type, entry]));
const BY_NAME = new Map(ENTRIES.map((entry) => [`${entry.kind}.${entry.event}`, entry]));

/** Every declared event. */
export function catalog(): readonly CatalogEntry[] {
  return ENTRIES;
}

/** Returns the entry for a CloudEvents `type`; undefined for an event that this version does not know. */
export function entryOfType(type: string): CatalogEntry | undefined {
  return BY_TYPE.get(type);
}

/** Returns the entry for a kind and an event name; undefined for an event that this version does not know. */
export function entryOf(kind: string, event: string): CatalogEntry | undefined {
  return BY_NAME.get(`${kind}.${event}`);
}

/** Returns the URI of the JSON Schema of an event's data, as in `dataschema`. */
export function dataSchemaOf({ kind, event }: { kind: string; event: string }): string {
  return `urn:kusionstack:kuperator:event:${kind}.${event}:v1`;
}
