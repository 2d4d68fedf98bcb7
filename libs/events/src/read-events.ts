import { parseMessage, type Received } from './envelope.ts';
import { type HistoryFrom, readStream } from './nats-connection.ts';
import type { NatsAccess } from './options.ts';
import { STREAM } from './stream.ts';
import { type EventFilter, subjectFilterFor } from './subjects.ts';

export type ReadEventsOptions = NatsAccess & {
  /** Default: every cluster on the stream. */
  cluster?: string | undefined;
  filter?: EventFilter | undefined;
  /** The first event to read. `last-per-subject` gives the present state: the last event of each kind about each object. Default `new`. */
  history?: HistoryFrom | undefined;
  /** Whether to continue with new events after the history (default), or to end there. */
  follow?: boolean | undefined;
  signal?: AbortSignal | undefined;
  /** Called for messages that are not valid events of ours. They are skipped. */
  onRejected?: ((subject: string, error: string) => void) | undefined;
};

/**
 * Reads events from the stream in the order in which they were stored, over a separate connection, for consumers outside the operators.
 * Leaving the loop, or aborting `signal`, closes it.
 * @throws Error when the server cannot be reached at the start, or the stream does not exist or may not be read
 */
export async function* readEvents(options: ReadEventsOptions): AsyncGenerator<Received> {
  const stored = readStream(options, {
    name: 'kuperator-read-events',
    stream: STREAM,
    filter: subjectFilterFor(options.cluster ?? '*', options.filter ?? {}),
    from: options.history ?? 'new',
    follow: options.follow ?? true,
    signal: options.signal,
  });
  for await (const { subject, payload, sequence } of stored) {
    const incoming = parseMessage(subject, payload);
    if ('error' in incoming) options.onRejected?.(subject, incoming.error);
    if ('event' in incoming) yield { event: incoming.event, meta: { ...incoming.meta, streamSequence: sequence } };
  }
}
