// The event contract as an AsyncAPI 3 document, made from the declarations.
import type { TSchema } from 'typebox';
import { type CatalogEntry, catalog } from './catalog.ts';
import { CloudEvent, CONTENT_TYPE } from './envelope.ts';
import { STREAM } from './stream.ts';
import { SUBJECT_PREFIX } from './subjects.ts';
import { publishedSchemaOf } from './validation.ts';

type Json = Record<string, unknown>;

/** Builds the document as plain data; each event is a channel, a message and an operation of the same name. */
export function asyncApiDocument(): Json {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Kuperator events',
      version: '1.0.0',
      description:
        `CloudEvents 1.0 in structured JSON over NATS, kept in the JetStream stream ${STREAM}. An event is a hint about an object of ` +
        'the Kubernetes API: it may come late, twice or never, and is not authenticated beyond the permissions of the NATS account. ' +
        'Version 1 only ever adds: new events, and new optional fields in data.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: CONTENT_TYPE,
    channels: byName((entry) => channelOf(entry)),
    operations: byName((entry) => operationOf(entry)),
    components: {
      parameters: {
        cluster: { description: 'CLUSTER_NAME of the operators, with _ in place of dots' },
        namespace: { description: 'Namespace of the object' },
        name: { description: 'Name of the object, with _ in place of dots' },
      },
      messages: byName((entry) => messageOf(entry)),
      schemas: byName((entry) => plain(publishedSchemaOf(entry))),
    },
  };
}

function byName(of: (entry: CatalogEntry) => Json): Json {
  return Object.fromEntries(catalog().map((entry) => [nameOf(entry), of(entry)]));
}

function nameOf({ kind, event }: CatalogEntry): string {
  return `${kind}.${event}`;
}

function channelOf(entry: CatalogEntry): Json {
  const parameter = (name: string) => ({ $ref: `#/components/parameters/${name}` });
  return {
    address: `${SUBJECT_PREFIX}.{cluster}.{namespace}.${entry.kind}.{name}.${entry.event}`,
    summary: entry.declaration.summary,
    parameters: { cluster: parameter('cluster'), namespace: parameter('namespace'), name: parameter('name') },
    messages: { event: { $ref: `#/components/messages/${nameOf(entry)}` } },
  };
}

function operationOf(entry: CatalogEntry): Json {
  const { publishers, wakes } = entry.declaration;
  return {
    action: 'send',
    summary: `Published by ${publishers.join(', ')}.${wakes.length > 0 ? ` Wakes ${wakes.join(', ')}.` : ''}`,
    channel: { $ref: `#/channels/${nameOf(entry)}` },
  };
}

function messageOf(entry: CatalogEntry): Json {
  const { data: _, type: __, subject: ___, ...context } = CloudEvent.properties;
  return {
    name: entry.type,
    summary: entry.declaration.summary,
    contentType: CONTENT_TYPE,
    headers: {
      type: 'object',
      properties: {
        'Nats-Msg-Id': { type: 'string', description: 'The id of the event: the stream stores each id once' },
        'Content-Type': { const: CONTENT_TYPE },
      },
    },
    payload: {
      type: 'object',
      required: CloudEvent.required,
      properties: {
        ...(plain(context) as Json),
        type: { const: entry.type },
        subject: { type: 'string', pattern: `^/namespaces/[^/]+/${entry.plural}/[^/]+$` },
        data: { $ref: `#/components/schemas/${nameOf(entry)}` },
      },
    },
  };
}

// TypeBox schemas are JSON Schema with hidden marks; JSON leaves the marks behind.
function plain(schema: TSchema | Record<string, TSchema>): Json {
  return JSON.parse(JSON.stringify(schema));
}
