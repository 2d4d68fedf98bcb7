import type { KuperatorEvent } from './catalog.ts';
import { outgoingFor, parseMessage, type Received } from './envelope.ts';
import { inboxPrefixOf, NatsConnection } from './nats-connection.ts';
import type { BusState, DropReason, EventBus, EventBusOptions, EventHandler, Unsubscribe } from './options.ts';
import { Publisher } from './publisher.ts';
import { sequenceSource } from './sequence.ts';
import { ensureStream } from './stream.ts';
import { type EventFilter, subjectFilterFor } from './subjects.ts';

/** Time limit for an answer of JetStream, and the interval in which a missing stream is looked for again. */
const API_TIMEOUT_MS = 5_000;
const LOOK_AGAIN_MS = 60_000;

/**
 * Creates a bus for `options.url`, or a bus that does nothing if the url is empty.
 * @throws RangeError if the cluster's name is not allowed in a subject
 */
export function createEventBus(options: EventBusOptions): EventBus {
  subjectFilterFor(options.cluster, {}); // a bad name is a mistake in the configuration: say so at start
  return options.url === '' ? silentBus : new NatsEventBus(options);
}

const silentBus: EventBus = {
  name: 'events',
  start() {},
  async stop() {},
  publish() {},
  subscribe: () => () => {},
  state: () => 'off',
  flush: async () => true,
};

class NatsEventBus implements EventBus {
  readonly name = 'events';
  readonly #options: EventBusOptions;
  readonly #connection: NatsConnection;
  readonly #publisher: Publisher;
  readonly #now: () => number;
  readonly #nextSequence: () => string;
  readonly #said = new Set<string>();
  #state: BusState = 'disconnected';
  #downReason: string | undefined;
  /** Number of connections so far, and the one whose stream is being looked for. */
  #connections = 0;
  #ensuringOn: number | undefined;
  #lookAgain: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: EventBusOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#nextSequence = sequenceSource(this.#now);
    this.#connection = new NatsConnection(options, options.source, {
      onUp: () => this.#up(),
      onDown: (reason) => this.#down(reason),
      onAck: (number, answer) => this.#publisher.onAck(number, answer),
      onDenied: (operation, subject) => this.#denied(operation, subject),
      onError: (error) => this.#options.logger.error({ err: error }, 'the NATS connection failed'),
    });
    this.#publisher = new Publisher({
      wire: this.#connection,
      queueLimit: options.queueLimit ?? 10_000,
      maxInFlight: options.maxInFlight ?? 256,
      onPublished: (event) => this.#options.onPublished?.(event),
      onQueue: (length) => this.#options.onQueue?.(length),
      onDropped: (reason, event, detail) => this.#drop(reason, event, detail),
      onDoubt: () => this.#lookForStreamIn(1_000),
    });
  }

  start(): void {
    this.#stopped = false;
    this.#options.onState?.(this.#state);
    this.#connection.start();
  }

  async stop(timeoutMs = 3_000): Promise<void> {
    this.#stopped = true;
    const begun = performance.now();
    if (this.#state === 'connected') await this.#publisher.flush(timeoutMs * 0.6);
    clearTimeout(this.#lookAgain);
    this.#publisher.stop();
    await this.#connection.stop(Math.max(100, timeoutMs - (performance.now() - begun)));
    if (this.#state === 'connected') this.#setState('disconnected');
  }

  publish(event: KuperatorEvent): void {
    const { cluster, source, onInvalid } = this.#options;
    const time = new Date(this.#now()).toISOString();
    const outgoing = outgoingFor(event, { cluster, source, time, sequence: this.#nextSequence() });
    if (this.#stopped) {
      this.#drop('stopped', event);
    } else if (typeof outgoing !== 'string') {
      this.#publisher.push(event, outgoing);
    } else if (onInvalid === 'throw') {
      throw new TypeError(`event ${event.kind}.${event.event} is not valid: ${outgoing}`);
    } else {
      this.#drop('invalid', event, outgoing);
    }
  }

  subscribe(filter: EventFilter, handler: EventHandler): Unsubscribe {
    return this.#connection.subscribe(subjectFilterFor(this.#options.cluster, filter), (subject, payload) => {
      const incoming = parseMessage(subject, payload);
      if ('error' in incoming) this.#refuse(subject, incoming.error);
      if ('event' in incoming) this.#deliver(incoming, handler);
    });
  }

  state(): BusState {
    return this.#state;
  }

  flush(timeoutMs = 5_000): Promise<boolean> {
    return this.#publisher.flush(timeoutMs);
  }

  #up(): void {
    this.#connections += 1;
    this.#downReason = undefined;
    this.#setState('connected');
    this.#options.logger.info({ url: withoutPassword(this.#options.url) }, 'connected to NATS');
    this.#lookForStream();
  }

  #down(reason: string): void {
    this.#publisher.setMode('none');
    clearTimeout(this.#lookAgain);
    this.#setState('disconnected');
    if (reason === this.#downReason) return; // the same failure at every attempt is said once
    this.#downReason = reason;
    this.#options.logger.warn(
      { url: withoutPassword(this.#options.url), reason },
      'NATS is away: going on with watches alone, events are kept until the queue is full',
    );
  }

  #setState(state: BusState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState?.(state);
  }

  async #ensureStream(): Promise<void> {
    const connection = this.#connections;
    if (this.#ensuringOn === connection) return;
    this.#ensuringOn = connection;
    const ask = (subject: string, body: object) => this.#connection.request(`$JS.API.${subject}`, body, API_TIMEOUT_MS);
    const { usable, problem, did } = await ensureStream(ask, this.#options.stream ?? {});
    if (this.#connections !== connection || this.#state !== 'connected') return; // what it found is not true any more
    this.#ensuringOn = undefined;
    if (did === 'created' || did === 'updated') this.#options.logger.info({ did }, 'JetStream stream for events');
    if (problem)
      this.#warnOnce(problem, usable ? 'stream is not as configured' : 'events are published without history');
    this.#publisher.setMode(usable ? 'jetstream' : 'core');
    if (!usable) this.#lookForStreamIn(LOOK_AGAIN_MS);
  }

  /** Looks for the stream in the background. A failure does not affect the operators, and the search is repeated. */
  #lookForStream(): void {
    this.#ensureStream().catch((error: unknown) => {
      this.#options.logger.error({ err: error }, 'the search for the stream failed');
      this.#ensuringOn = undefined;
      this.#lookForStreamIn(LOOK_AGAIN_MS);
    });
  }

  #lookForStreamIn(ms: number): void {
    clearTimeout(this.#lookAgain);
    this.#lookAgain = setTimeout(() => this.#lookForStream(), ms);
    this.#lookAgain.unref();
  }

  #denied(operation: 'publish' | 'subscribe', subject: string): void {
    if (operation === 'publish') {
      this.#publisher.onDenied(subject);
      this.#warnOnce('not permitted', 'an event could not be published', subject);
      return;
    }
    this.#warnOnce(`not permitted to subscribe to ${subject}`, 'no wake-ups from these events, watches do the work');
    // Without the right to its inbox no acknowledgement arrives, although the server accepts what is sent.
    if (subject.startsWith(`${inboxPrefixOf(this.#options, this.#options.source)}.`)) this.#publisher.setMode('core');
  }

  #drop(reason: DropReason, event: KuperatorEvent, detail?: string): void {
    this.#options.onDropped?.(reason, event);
    const text = {
      overflow: 'queue is full',
      invalid: 'event breaks its schema',
      rejected: 'refused',
      stopped: 'stopped',
    };
    this.#warnOnce(
      `${reason} ${detail ?? ''}`.trim(),
      `an event was dropped: ${text[reason]}`,
      `${event.kind}.${event.event}`,
    );
  }

  #deliver({ event, meta }: Received, handler: EventHandler): void {
    try {
      this.#options.onReceived?.(event);
      handler(event, meta);
    } catch (error) {
      this.#options.logger.error({ err: error, subject: meta.subject }, 'an event handler failed');
    }
  }

  #refuse(subject: string, error: string): void {
    this.#options.onRejected?.(subject, error);
    this.#warnOnce(`${error}`, 'a message that is no valid event was dropped', subject);
  }

  // The counters show how often this happens, so it is logged rarely. Bounded, because the texts may come from outside.
  #warnOnce(reason: string, message: string, about?: string): void {
    const key = `${message} ${reason}`;
    if (this.#said.has(key) || this.#said.size >= 100) return;
    this.#said.add(key);
    this.#options.logger.warn({ reason, ...(about && { about }) }, message);
  }
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/,]*@/g, '//');
}
