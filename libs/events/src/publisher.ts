import type { KuperatorEvent } from './catalog.ts';
import { CONTENT_TYPE, type Outgoing } from './envelope.ts';
import type { NatsConnection } from './nats-connection.ts';
import { PublishQueue } from './publish-queue.ts';

/** How events are confirmed: by the stream, by the server if there is no stream, or `none` while nothing can be sent. */
type PublishMode = 'jetstream' | 'core' | 'none';

type Wire = Pick<NatsConnection, 'isUp' | 'publish' | 'flush'>;
type Entry = { event: KuperatorEvent; outgoing: Outgoing; attempts: number; sentAt: number };

type PublisherOptions = {
  wire: Wire;
  queueLimit: number;
  maxInFlight: number;
  onPublished(event: KuperatorEvent): void;
  onQueue(length: number): void;
  onDropped(reason: 'overflow' | 'rejected' | 'stopped', event: KuperatorEvent, detail?: string): void;
  /** Acknowledgements are missing, or say that there is no stream: the mode may be wrong. */
  onDoubt(): void;
  /** Default 5 000. */
  ackTimeoutMs?: number;
};

const MAX_ATTEMPTS = 5;

/**
 * Sends the queued events while there is a connection, with a bounded number of unconfirmed events. Events that were not confirmed when
 * the connection broke are sent again; the stream recognizes duplicates by their id.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #queue: PublishQueue<Entry>;
  readonly #ackTimeoutMs: number;
  #mode: PublishMode = 'none';
  #scheduled = false;
  #sweep: NodeJS.Timeout | undefined;
  #resting: NodeJS.Timeout | undefined;
  #waiters: { number: number; resolve: () => void }[] = [];

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#queue = new PublishQueue(options.queueLimit);
    this.#ackTimeoutMs = options.ackTimeoutMs ?? 5_000;
  }

  get length(): number {
    return this.#queue.length;
  }

  push(event: KuperatorEvent, outgoing: Outgoing): void {
    const dropped = this.#queue.push(event.namespace, { event, outgoing, attempts: 0, sentAt: 0 });
    if (dropped) this.#drop('overflow', dropped);
    this.#options.onQueue(this.#queue.length);
    this.#schedule();
  }

  /** Sets the mode. `none` also returns the events in flight to the queue. */
  setMode(mode: PublishMode): void {
    this.#mode = mode;
    if (mode === 'none') this.#queue.putBack(this.#queue.inFlightItems().map(({ number }) => number));
    clearInterval(this.#sweep);
    if (mode === 'jetstream') {
      this.#sweep = setInterval(() => this.#sweepUnanswered(), this.#ackTimeoutMs / 2);
      this.#sweep.unref();
    }
    this.#schedule();
  }

  onAck(number: number, answer: 'stored' | 'noStream' | { code: number; description: string }): void {
    if (answer === 'stored') {
      this.#confirm(number);
    } else if (answer === 'noStream') {
      this.setMode('none');
      this.#options.onDoubt();
    } else if (answer.code < 500) {
      this.#reject(number, answer.description); // this event will never be taken
    } else {
      this.#retry(number, answer.description); // the stream cannot take it now, for example without a leader
    }
  }

  /** Drops the events in flight under a subject that the server denies. */
  onDenied(subject: string): void {
    for (const { number, item } of this.#queue.inFlightItems()) {
      if (item.outgoing.subject === subject) this.#reject(number, 'not permitted to publish');
    }
  }

  /** Waits until every event pushed so far is confirmed or dropped; false if that takes longer than `timeoutMs`. */
  async flush(timeoutMs: number): Promise<boolean> {
    const number = this.#queue.next;
    if (this.#queue.isPast(number)) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiter = { number, resolve: () => resolve(true) };
    this.#waiters.push(waiter);
    const timer = setTimeout(() => resolve(false), timeoutMs);
    const done = await promise;
    clearTimeout(timer);
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
    return done;
  }

  /** Drops the remaining events. */
  stop(): void {
    clearInterval(this.#sweep);
    clearTimeout(this.#resting);
    this.#mode = 'none';
    for (const entry of this.#queue.clear()) this.#drop('stopped', entry);
  }

  // One run per turn of the event loop sends everything that a pass has published in one write to the socket.
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    const { wire, maxInFlight } = this.#options;
    if (this.#mode === 'none' || this.#resting || !wire.isUp()) return;
    const sent: number[] = [];
    while (this.#queue.waiting > 0 && this.#queue.inFlight < maxInFlight) {
      const taken = this.#queue.take();
      if (!taken) break;
      const { number, item } = taken;
      item.sentAt = performance.now();
      const ackNumber = this.#mode === 'jetstream' ? number : undefined;
      try {
        wire.publish(
          item.outgoing.subject,
          JSON.stringify(item.outgoing.envelope),
          item.outgoing.id,
          CONTENT_TYPE,
          ackNumber,
        );
      } catch (error) {
        // A message that is too large can never be sent. One that met a closing connection is sent on the next connection.
        const reason = error instanceof Error ? error.message : String(error);
        if (wire.isUp()) this.#retry(number, reason);
        else this.#queue.putBack([number]);
        break;
      }
      sent.push(number);
    }
    if (this.#mode === 'core' && sent.length > 0) this.#confirmByFlush(sent);
  }

  // Without a stream one round trip confirms a whole batch: the server has passed it to the subscribers.
  #confirmByFlush(numbers: readonly number[]): void {
    this.#options.wire.flush().then(
      () => {
        for (const number of numbers) this.#confirm(number);
      },
      () => {}, // the connection is gone: setMode('none') takes the batch back
    );
  }

  #confirm(number: number): void {
    const entry = this.#queue.confirm(number);
    if (!entry) return;
    this.#options.onPublished(entry.event);
    this.#settled();
  }

  #retry(number: number, detail: string): void {
    const entry = this.#queue.get(number);
    if (!entry) return;
    entry.attempts += 1;
    if (entry.attempts >= MAX_ATTEMPTS) {
      this.#reject(number, detail);
    } else {
      this.#queue.putBack([number]);
      this.#rest(100 * 2 ** entry.attempts);
    }
  }

  // Without a pause, this event and those after it would spend all their attempts on one short outage.
  #rest(ms: number): void {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => {
      this.#resting = undefined;
      this.#schedule();
    }, ms);
    this.#resting.unref();
  }

  #reject(number: number, detail: string): void {
    const entry = this.#queue.confirm(number);
    if (entry) this.#drop('rejected', entry, detail);
  }

  #sweepUnanswered(): void {
    const before = performance.now() - this.#ackTimeoutMs;
    const late = this.#queue.inFlightItems().filter(({ item }) => item.sentAt < before);
    if (late.length === 0) return;
    for (const { number } of late) this.#retry(number, 'no acknowledgement');
    this.#options.onDoubt();
  }

  #drop(reason: 'overflow' | 'rejected' | 'stopped', entry: Entry, detail?: string): void {
    this.#options.onDropped(reason, entry.event, detail);
    this.#settled();
  }

  #settled(): void {
    this.#options.onQueue(this.#queue.length);
    for (const { number, resolve } of this.#waiters) if (this.#queue.isPast(number)) resolve();
    if (this.#queue.waiting > 0) this.#schedule();
  }
}
