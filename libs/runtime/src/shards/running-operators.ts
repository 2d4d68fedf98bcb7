import { LEASES, type Lease } from '@kuperator/api';
import type { KubeClient } from '../client/client.ts';
import { collectionPath } from '../client/paths.ts';
import { type Cancel, type Clock, systemClock } from '../process/clock.ts';
import type { Logger } from '../process/logger.ts';
import { APP_LABEL } from './member-lease.ts';

const READ_EVERY_MS = 10_000;
/** While an operator that somebody waits for is not running: its return is to be seen soon. */
const READ_AGAIN_MS = 2000;
/**
 * An operator whose Leases have not been renewed for so long is not running. Members renew every 5 seconds; the rest is for a process that
 * has just been started and has not joined yet.
 */
const GRACE_MS = 20_000;
/** As objects of the watch cache: a second old at most, and cheap. */
const FROM_CACHE = '0';

type RunningOperatorsOptions = {
  readonly client: Pick<KubeClient, 'request'>;
  /** Where the operators keep their Leases. */
  readonly namespace: string;
  readonly logger: Logger;
  readonly clock?: Clock;
};

/**
 * Which operators run, by the Leases of their replicas in one namespace: one small read every ten seconds, however often it is asked. Renewals
 * are seen, not computed from times that other machines wrote.
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

  /** @returns undefined while that cannot be told: nothing was read yet, or for too short a time */
  isRunning(app: string): boolean | undefined {
    const answer = this.#answerFor(app);
    // Remembered so that a change of it is reported.
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
      // Blind, nobody is blamed; and who could not be seen renewing has its grace time again.
      this.#firstReadMs = undefined;
      if (!this.#stopping.signal.aborted) logger.debug({ err: error }, 'Leases of the operators not read');
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
