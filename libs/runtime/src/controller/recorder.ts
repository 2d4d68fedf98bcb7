import { createHash } from 'node:crypto';
import { type KubeObject, keyOf, namePrefix, type Resource } from '@kuperator/api';
import type { Counter } from 'prom-client';
import type { KubeClient } from '../client/client.ts';
import { AlreadyExistsError, NotFoundError } from '../client/errors.ts';
import { outsidePass } from '../client/pass-signal.ts';
import { type Clock, systemClock } from '../process/clock.ts';
import type { Logger } from '../process/logger.ts';
import type { Metrics } from '../process/metrics.ts';
import { Turns } from '../process/turns.ts';

type KubeEvent = KubeObject & {
  eventTime: string;
  series?: { count: number; lastObservedTime: string };
  [field: string]: unknown;
};

const EVENTS: Resource<KubeEvent> = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
};

/** Repetitions within this time are counted on one Event. */
const SERIES_MS = 10 * 60_000;
const QUEUE_LIMIT = 1000;
/** Namespaces whose Events are written at once, one at a time for each. */
const WRITERS = 4;
/** The defaults of client-go: 25 Events at once for one object, then one every 5 minutes. */
const BURST = 25;
const REFILL_MS = 300_000;
/** The API server refuses longer notes. */
const NOTE_BYTES = 1024;
const REASON_LENGTH = 128;

/** What is reported about an object. */
type Report = { type: 'Normal' | 'Warning'; object: KubeObject; reason: string; message: string };

type Series = { namespace: string; name: string; count: number; lastAt: number };
type Bucket = { tokens: number; at: number };

/**
 * Writes Kubernetes Events about objects in the background, at most `BURST` at once for one object. Repetitions (same object, reason
 * and message) are counted on one Event. An Event that cannot be written is dropped and counted in the metrics.
 */
export class EventRecorder {
  readonly #client: KubeClient;
  readonly #controller: string;
  readonly #instance: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #dropped: Counter<'reason'> | undefined;
  readonly #series = new Map<string, Series>();
  readonly #buckets = new Map<string, Bucket>();
  /** By namespace. */
  readonly #queue = new Turns<() => Promise<void>>();
  /** The namespaces for which a write is in progress. */
  readonly #writing = new Map<string, Promise<void>>();

  constructor(options: {
    client: KubeClient;
    /** Shown as the Event's source. */
    app: string;
    /** Name of this replica. */
    instance: string;
    logger: Logger;
    metrics?: Metrics;
    clock?: Clock;
  }) {
    this.#client = options.client;
    this.#controller = options.app;
    this.#instance = options.instance;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger;
    this.#dropped = options.metrics?.counter({
      name: 'kuperator_kubernetes_events_dropped_total',
      help: 'Kubernetes Events that were not written, by reason: rate limit of the object, full queue, or refused.',
      labels: ['reason'],
    });
  }

  /** Records a Normal Event about `object`; never fails and does not wait. `reason` is one CamelCase word. */
  normal(object: KubeObject, reason: string, message: string): void {
    this.#record({ type: 'Normal', object, reason, message });
  }

  /** Records a Warning Event about `object`; never fails and does not wait. `reason` is one CamelCase word. */
  warn(object: KubeObject, reason: string, message: string): void {
    this.#record({ type: 'Warning', object, reason, message });
  }

  /** Resolves when every Event recorded so far has been written or dropped. */
  async flush(): Promise<void> {
    while (this.#writing.size > 0) await Promise.race(this.#writing.values());
  }

  #record({ type, object, reason, message }: Report): void {
    const note = cut(message);
    const id = [object.metadata.uid ?? keyOf(object), type, reason, note].join('\n');
    const now = this.#clock.now();
    const known = this.#series.get(id);
    if (known && now - known.lastAt < SERIES_MS) {
      known.count++;
      known.lastAt = now;
      // Writing each doubling is enough for a count that never stops growing.
      if ((known.count & (known.count - 1)) === 0)
        this.#enqueue(known.namespace, () => this.#count(id, known, known.count));
      return;
    }
    if (!this.#admits(object.metadata.uid ?? keyOf(object), now)) {
      this.#dropped?.inc({ reason: 'rate' });
      return;
    }
    const event = this.#eventFor({ type, object, reason, message: note }, now);
    const { namespace = 'default', name = '' } = event.metadata;
    this.#series.set(id, { namespace, name, count: 1, lastAt: now });
    if (this.#series.size > QUEUE_LIMIT) this.#forgetOld(now);
    this.#enqueue(namespace, async () => {
      // AlreadyExists means that the answer to an earlier attempt was lost.
      await this.#client.create(EVENTS, event).catch((error: unknown) => {
        if (!(error instanceof AlreadyExistsError)) throw error;
      });
    });
  }

  #eventFor({ type, object, reason, message: note }: Report, now: number): KubeEvent {
    const { namespace = 'default', name = '', uid, resourceVersion } = object.metadata;
    const digest = createHash('sha256')
      .update(`${uid}\n${type}\n${reason}\n${note}\n${this.#clock.nanos()}`)
      .digest('hex');
    return {
      metadata: { namespace, name: `${namePrefix(name, 200)}.${digest.slice(0, 16)}` },
      type,
      reason: reason.slice(0, REASON_LENGTH),
      note,
      action: reason.slice(0, REASON_LENGTH),
      eventTime: microTime(now),
      reportingController: this.#controller,
      reportingInstance: this.#instance.slice(0, 128),
      regarding: {
        apiVersion: object.apiVersion,
        kind: object.kind,
        ...(object.metadata.namespace ? { namespace: object.metadata.namespace } : {}),
        name,
        uid,
        resourceVersion,
      },
    };
  }

  async #count(id: string, { namespace, name, lastAt }: Series, count: number): Promise<void> {
    try {
      await this.#client.patch(
        EVENTS,
        { namespace, name },
        { type: 'merge', body: { series: { count, lastObservedTime: microTime(lastAt) } } },
      );
    } catch (error) {
      // The Event has expired in the API server: the next occurrence creates a new one.
      if (!(error instanceof NotFoundError)) throw error;
      this.#series.delete(id);
    }
  }

  #admits(id: string, now: number): boolean {
    const bucket = this.#buckets.get(id) ?? { tokens: BURST, at: now };
    bucket.tokens = Math.min(BURST, bucket.tokens + (now - bucket.at) / REFILL_MS);
    bucket.at = now;
    this.#buckets.set(id, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #forgetOld(now: number): void {
    for (const [id, series] of this.#series) if (now - series.lastAt >= SERIES_MS) this.#series.delete(id);
    for (const [id, bucket] of this.#buckets) {
      if (bucket.tokens + (now - bucket.at) / REFILL_MS >= BURST) this.#buckets.delete(id);
    }
    // If all are recent, remove the oldest; at worst some repetitions become Events of their own.
    for (const id of this.#series.keys()) {
      if (this.#series.size <= QUEUE_LIMIT) break;
      this.#series.delete(id);
    }
    for (const id of this.#buckets.keys()) {
      if (this.#buckets.size <= 10 * QUEUE_LIMIT) break;
      this.#buckets.delete(id);
    }
  }

  /** If the queue is full, the namespace with the most Events in it loses its oldest. */
  #enqueue(namespace: string, write: () => Promise<void>): void {
    this.#queue.add(namespace, write);
    const largest = this.#queue.size > QUEUE_LIMIT ? this.#queue.largest() : undefined;
    if (largest) {
      this.#queue.take((group) => (group === largest.group ? 0 : undefined));
      this.#dropped?.inc({ reason: 'queue' });
    }
    // Events of many passes wait in the queue: the end of the pass that adds the first of them must not end the writes.
    outsidePass(() => this.#writeNext());
  }

  /** Few writes at once, so that Events do not displace more important writes; a namespace whose writes are slow delays only its own. */
  #writeNext(): void {
    while (this.#writing.size < WRITERS) {
      const next = this.#queue.take((namespace) => (this.#writing.has(namespace) ? undefined : 0));
      if (!next) return;
      const { group: namespace, item: write } = next;
      const written = this.#write(write).finally(() => {
        this.#writing.delete(namespace);
        this.#writeNext();
      });
      this.#writing.set(namespace, written);
    }
  }

  async #write(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      this.#dropped?.inc({ reason: 'refused' });
      this.#logger.debug({ err: error }, 'the Kubernetes Event could not be written');
    }
  }
}

function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}

/** Cuts a text to NOTE_BYTES of UTF-8, between two characters. */
function cut(message: string): string {
  const bytes = Buffer.from(message);
  if (bytes.length <= NOTE_BYTES) return message;
  return `${bytes
    .subarray(0, NOTE_BYTES - 3)
    .toString('utf8')
    .replace(/\uFFFD$/, '')}…`;
}
