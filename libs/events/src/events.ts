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

/** Event data without the uid, which is taken from the object. */
type WithoutUid<Data> = Data extends unknown ? Omit<Data, 'uid'> & { uid?: string | undefined } : never;

type About = Pick<KubeObject, 'metadata'>;

/** Builds an event about a Pod. */
export function podEvent<Name extends PodEventName>(
  event: Name,
  pod: About,
  data: WithoutUid<PodEventData<Name>>,
): PodEvent<Name> {
  return describe('pod', event, { about: pod, data }) as PodEvent<Name>;
}

/** Builds an event about a CollaSet. */
export function collaSetEvent<Name extends CollaSetEventName>(
  event: Name,
  set: About,
  data: WithoutUid<CollaSetEventData<Name>>,
): CollaSetEvent<Name> {
  return describe('collaset', event, { about: set, data }) as CollaSetEvent<Name>;
}

/** Builds an event about a PodTransitionRule. */
export function ruleEvent<Name extends RuleEventName>(
  event: Name,
  rule: About,
  data: WithoutUid<RuleEventData<Name>>,
): RuleEvent<Name> {
  return describe('podtransitionrule', event, { about: rule, data }) as RuleEvent<Name>;
}

function describe(kind: EventKind, event: string, facts: { readonly about: About; readonly data: object }) {
  const { metadata } = facts.about;
  const uid = metadata.uid ?? '';
  const data: EventFacts = { ...facts.data, uid };
  const id = eventIdFor(kind, event, entryOf(kind, event)?.declaration.identity(data, metadata.resourceVersion) ?? []);
  return {
    kind,
    event,
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    data,
    id,
    traceparent: traceparentFor(uid, data.operation ?? data.operations?.[0], id),
  };
}

type EventFacts = { uid: string; operation?: { id: string }; operations?: readonly { id: string }[] };
