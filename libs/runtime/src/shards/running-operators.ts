import { LEASES, type Lease } from '@kuperator/api';
import type { KubeClient } from '../client/client.ts';
import { collectionPath } from '../client/paths.ts';
import { type Cancel, type Clock, systemClock } from '../process/clock.ts';
import type { Logger } from '../process/logger.ts';
import { APP_LABEL } from './member-lease.ts';

const READ_EVERY_MS = 10_000;
/** Interval while an operator that was asked about is not running, so that its return is seen soon. */
const READ_AGAIN_MS = 2000;
/**
 * An operator whose Leases have not been renewed for this long is not running. Members renew every 5 s; the rest is for a process that
 * has just started and has not joined yet.
 */
const GRACE_MS = 20_000;
/** Reads the watch cache of the API server: cheap, and a second old at most. */
const FROM_CACHE = '0';

type RunningOperatorsOptions = {
  readonly client: Pick<KubeClient, 'request'>;
  /** Namespace in which the operators keep their Leases. */
  readonly namespace: string;
  readonly logger: Logger;
  readonly clock?: Clock;
};

/**
 * Knows which operators are running, from the Leases of their replicas in one namespace. It reads them every 10 s, however often it is
 * asked. It observes renewals and does not compare times that other machines wrote.
 */
export class RunningOperators {
  readonly name = 'running-operators';
  readonly #options: Required<RunningOperatorsOptions>;
  readonly #versions = new Map<string, string>();
  /** When a Lease of the operator was last seen to be renewed; by the monotonic clock. */
  readonly #renewedMs = new Map<string, number>();
  readonly #handlers = new Set<(app: string) => void>();
  readonly #stopping = new AbortController();
  #firstReadMs: number | undefined;
  #lastReadMs = Number.NEGATIVE_INFINITY;
  #answers = new Map<string, boolean | undefined>();
  #cancel: Cancel = () => {};
  #reading: Promise<void> = Promise.resolve();

  constructor(options: RunningOperatorsOptions) {
    this.#options = { clock: systemClock, ...options };
  }

  /** @returns undefined while it is not known: no Lease has been read yet, or not for long enough */
  isRunning(app: string): boolean | undefined {
    const answer = this.#answerFor(app);
    // Kept, so that a change of the answer is reported.
    if (!this.#answers.has(app)) this.#answers.set(app, answer);
    return answer;
  }

  /** Calls `handler` when the answer for an operator that was asked about changes. */
  onChange(handler: (app: string) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  start(): void {
    this.#reading = this.#read();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancel();
    await this.#reading;
  }

  #answerFor(app: string): boolean | undefined {
    if (this.#firstReadMs === undefined) return undefined;
    const seenMs = this.#renewedMs.get(app);
    if (seenMs !== undefined && this.#lastReadMs - seenMs < GRACE_MS) return true;
    return this.#lastReadMs - this.#firstReadMs < GRACE_MS ? undefined : false;
  }

  async #read(): Promise<void> {
    const { client, namespace, logger, clock } = this.#options;
    const beganMs = clock.monotonic();
    try {
      const { items } = await client.request<{ items: Lease[] }>('GET', collectionPath(LEASES, namespace), {
        resource: LEASES,
        query: { labelSelector: APP_LABEL, resourceVersion: FROM_CACHE },
        timeoutMs: READ_EVERY_MS,
        signal: this.#stopping.signal,
      });
      this.#note(items, beganMs);
    } catch (error) {
      // Without a read no operator is reported as down, and every operator gets its grace time again.
      this.#firstReadMs = undefined;
      if (!this.#stopping.signal.aborted) logger.debug({ err: error }, 'the Leases of the operators could not be read');
    }
    this.#report();
    if (this.#stopping.signal.aborted) return;
    const isMissed = [...this.#answers.values()].includes(false);
    this.#cancel = clock.setTimeout(
      () => {
        this.#reading = this.#read();
      },
      isMissed ? READ_AGAIN_MS : READ_EVERY_MS,
    );
  }

  #note(leases: readonly Lease[], beganMs: number): void {
    const present = new Set<string>();
    for (const { metadata } of leases) {
      const { name = '', uid = '', resourceVersion = '', labels = {} } = metadata;
      const app = labels[APP_LABEL];
      if (app === undefined) continue;
      present.add(name);
      const version = `${uid}/${resourceVersion}`;
      if (this.#versions.get(name) === version) continue;
      this.#versions.set(name, version);
      this.#renewedMs.set(app, beganMs);
    }
    for (const name of this.#versions.keys()) if (!present.has(name)) this.#versions.delete(name);
    this.#firstReadMs ??= beganMs;
    this.#lastReadMs = beganMs;
  }

  #report(): void {
    for (const [app, before] of this.#answers) {
      const now = this.#answerFor(app);
      if (now === before) continue;
      this.#answers.set(app, now);
      for (const handler of this.#handlers) handler(app);
    }
  }
}
