import Type, { type Static } from 'typebox';
import { dataSchemaOf, entryOf, entryOfType, type KuperatorEvent } from './catalog.ts';
import type { EventMeta } from './options.ts';
import { parseSubject, subjectFor } from './subjects.ts';
import { checkFor, dataChecksOf } from './validation.ts';

/** CloudEvents 1.0 in structured JSON, with the extensions Distributed Tracing and Sequence. */
export const CloudEvent = Type.Object({
  specversion: Type.Literal('1.0'),
  id: Type.String({ minLength: 1, maxLength: 128 }),
  source: Type.String({ minLength: 1, maxLength: 253 }),
  type: Type.String({ pattern: '^io\\.kusionstack\\.kuperator\\.[a-z.-]+\\.v1$', maxLength: 128 }),
  subject: Type.String({ pattern: '^/namespaces/[^/]+/[a-z]+/[^/]+$', maxLength: 600 }),
  time: Type.String({
    pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)$',
    maxLength: 40,
  }),
  datacontenttype: Type.Literal('application/json'),
  dataschema: Type.String({ maxLength: 256 }),
  traceparent: Type.String({ pattern: '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$' }),
  sequence: Type.String({ pattern: '^[0-9]{20}$' }),
  data: Type.Object({}),
});
export type CloudEvent = Static<typeof CloudEvent>;

/** Media type of the messages. */
export const CONTENT_TYPE = 'application/cloudevents+json';

/** Far above the size of any event; a larger message is not parsed. */
const MAX_BYTES = 64 * 1024;

/** An event in its form for sending: subject, id and envelope, the same at every attempt. */
export type Outgoing = { subject: string; id: string; envelope: CloudEvent };

/**
 * Wraps `event` for publishing.
 * @returns what to send, or a sentence that says why the event must not be sent
 */
export function outgoingFor(
  event: KuperatorEvent,
  { cluster, source, time, sequence }: { cluster: string; source: string; time: string; sequence: string },
): Outgoing | string {
  const entry = entryOf(event.kind, event.event);
  if (!entry) return `no event ${event.kind}.${event.event} is declared`;
  const envelope = {
    specversion: '1.0' as const,
    id: event.id,
    source,
    type: entry.type,
    subject: `/namespaces/${event.namespace}/${entry.plural}/${event.name}`,
    time: event.time ?? time,
    datacontenttype: 'application/json' as const,
    dataschema: dataSchemaOf(event),
    traceparent: event.traceparent,
    sequence,
    data: event.data,
  };
  const wrong = checkEnvelope(envelope) ?? within('data', dataChecksOf(entry).exact(event.data));
  if (wrong) return wrong;
  try {
    return { subject: subjectFor({ cluster, ...event }), id: event.id, envelope };
  } catch (error) {
    return messageOf(error);
  }
}

/** An event, and how it arrived. */
export type Received = { event: KuperatorEvent; meta: EventMeta };

/** A received message: an event, an event of a newer version (`unknown`), or a sentence that says why it is invalid. */
type Incoming = Received | { unknown: string } | { error: string };

/** Parses a message. It must satisfy the schema of its event and match the subject under which it arrived. */
export function parseMessage(subject: string, payload: Uint8Array): Incoming {
  if (payload.length > MAX_BYTES) return { error: `${payload.length} bytes are more than any event has` };
  let message: unknown;
  try {
    message = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (error) {
    return { error: `not JSON: ${messageOf(error)}` };
  }
  const wrong = checkEnvelope(message);
  if (wrong) return { error: wrong };
  return read(subject, message as CloudEvent);
}

function read(subject: string, envelope: CloudEvent): Incoming {
  const parts = parseSubject(subject);
  if (!parts) return { error: 'the subject is not one of ours' };
  const entry = entryOfType(envelope.type);
  if (!entry) return { unknown: envelope.type };
  const { cluster, namespace, name } = parts;
  const about = `/namespaces/${namespace}/${entry.plural}/${name}`;
  if (parts.kind !== entry.kind || parts.event !== entry.event || envelope.subject !== about) {
    return { error: `says ${envelope.type} of ${envelope.subject} under another subject` };
  }
  const wrong = within('data', dataChecksOf(entry).tolerant(envelope.data));
  if (wrong) return { error: wrong };
  const { id, time, traceparent, source, sequence, data } = envelope;
  const event = {
    kind: entry.kind,
    event: entry.event,
    namespace,
    name,
    data,
    id,
    time,
    traceparent,
  } as KuperatorEvent;
  return { event, meta: { subject, cluster, source, time, sequence } };
}

const checkEnvelope = checkFor(CloudEvent);

function within(field: string, error: string | undefined): string | undefined {
  return error === undefined ? undefined : `/${field}${error.startsWith('/ ') ? error.slice(1) : error}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
