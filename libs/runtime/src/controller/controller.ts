import type { Key } from '@kuperator/api';
import type { Counter, Histogram } from 'prom-client';
import { AbortedError } from '../client/errors.ts';
import { isOfEndingNamespace, loggedError, messageOf, refusalIn, withoutNames } from '../client/logged-error.ts';
import { withPassSignal } from '../client/pass-signal.ts';
import { type BackoffOptions, backoffMs } from '../process/backoff.ts';
import { type Cancel, type Clock, systemClock } from '../process/clock.ts';
import type { Logger } from '../process/logger.ts';
import type { Metrics } from '../process/metrics.ts';
import { sampledGauge } from '../process/sampled-gauge.ts';
import { Seldom } from '../process/seldom.ts';
import type { Shards } from '../shards/shards.ts';
import { outcomeOfFailure, PASS_RESULTS, type PassOutcome } from './pass-outcome.ts';
import { WorkQueue } from './workqueue.ts';

/** What a pass returns: `requeueAfterMs` asks for another pass after so many milliseconds; nothing means done until something changes. */
// biome-ignore lint/suspicious/noConfusingVoidType: a pass may simply end without a return
export type ReconcileResult = { requeueAfterMs?: number } | void;

/**
 * One level-based pass for a key. `signal` aborts when the pass must end: the operator stops, the replica has lost its Lease, or the
 * pass has reached its time limit; the reason of the signal says which. Requests of a KubeClient made in the pass end by themselves
 * then, with an AbortedError, and no further ones are sent; anything else that waits must listen to the signal.
 */
export type Reconcile = (key: Key, context: { logger: Logger; signal: AbortSignal }) => Promise<ReconcileResult>;

const DEFAULT_PASS_TIMEOUT_MS = 120_000;
const DEFAULT_BACKOFF: BackoffOptions = { baseMs: 100, maxMs: 60_000 };
// The cache is some milliseconds behind. Usually the missing watch event queues the key before this wait is over.
const CONFLICT_BACKOFF: BackoffOptions = { baseMs: 25, maxMs: 1000 };

/**
 * Runs `reconcile` for queued keys: one pass per key at a time, `concurrency` passes at once, and only for keys of this replica's shard.
 * Namespaces take turns. If passes of other namespaces hold all places, an idle namespace gets one more place, up to twice
 * `concurrency` in all. A failed pass is retried with exponential backoff, which a successful pass resets.
 */
export class Controller {
  readonly name: string;
  readonly #reconcile: Reconcile;
  readonly #concurrency: number;
  readonly #keys: () => readonly Key[];
  readonly #shards: Shards | undefined;
  readonly #minIntervalMs: number;
  readonly #resyncMs: number | undefined;
  readonly #backoff: BackoffOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #queue: WorkQueue;
  readonly #failures = new Map<Key, number>();
  /** What was last logged about each key whose passes are refused, and when. */
  readonly #refusals: Seldom;
  readonly #lastPassAt = new Map<Key, number>();
  /** The passes in progress. */
  readonly #passes = new Set<AbortController>();
  #passTimeoutMs = DEFAULT_PASS_TIMEOUT_MS;
  readonly #seconds: Histogram<'controller' | 'result'>;
  readonly #retries: Counter<'controller'>;
  readonly #cleanups: (() => void)[] = [];
  #cancelResync: Cancel = () => {};
  #started = false;
  #stopping = false;
  #pumping = false;
  #running = 0;
  #idle: (() => void)[] = [];

  constructor(options: {
    name: string;
    reconcile: Reconcile;
    concurrency: number;
    /** Returns all keys: they are queued at the start, when the shard changes and at each resync. */
    keys: () => readonly Key[];
    shards?: Shards;
    /** Minimum time between the starts of two passes for one key; the first pass is immediate. */
    minIntervalMs?: number;
    resyncMs?: number;
    backoff?: BackoffOptions;
    clock?: Clock;
    logger: Logger;
    metrics: Metrics;
  }) {
    this.name = options.name;
    this.#reconcile = options.reconcile;
    this.#concurrency = options.concurrency;
    this.#keys = options.keys;
    this.#shards = options.shards;
    this.#minIntervalMs = options.minIntervalMs ?? 0;
    this.#resyncMs = options.resyncMs;
    this.#backoff = options.backoff ?? DEFAULT_BACKOFF;
    this.#clock = options.clock ?? systemClock;
    this.#refusals = new Seldom(this.#clock);
    this.#logger = options.logger.child({ controller: options.name });
    this.#queue = new WorkQueue({ clock: this.#clock, onReady: () => this.#pumpSoon() });
    this.#seconds = options.metrics.histogram({
      name: 'kuperator_reconcile_seconds',
      help: 'Duration of reconcile passes.',
      labels: ['controller', 'result'],
    });
    // Every series exists from the start: a rate over a series that appears with its first failure misses that failure.
    for (const result of PASS_RESULTS) this.#seconds.zero({ controller: options.name, result });
    this.#retries = options.metrics.counter({
      name: 'kuperator_reconcile_retries_total',
      help: 'Passes queued again because one failed.',
      labels: ['controller'],
    });
    sampledGauge(options.metrics, {
      name: 'kuperator_workqueue_depth',
      help: 'Keys that wait for a worker.',
      label: 'controller',
      value: this.name,
      read: () => this.#queue.length,
    });
  }

  enqueue(key: Key): void {
    if (!this.#stopping && this.#owns(key)) this.#queue.add(key);
  }

  enqueueAfter(key: Key, ms: number): void {
    if (!this.#stopping && this.#owns(key)) this.#queue.addAfter(key, ms);
  }

  /** The keys whose passes are in progress. */
  working(): readonly Key[] {
    return this.#queue.working();
  }

  /** @param options.passTimeoutMs how long one pass may take; default 120 000 */
  start({ passTimeoutMs = DEFAULT_PASS_TIMEOUT_MS }: { passTimeoutMs?: number } = {}): void {
    if (this.#started) return;
    this.#started = true;
    this.#passTimeoutMs = passTimeoutMs;
    if (this.#shards) {
      this.#cleanups.push(this.#shards.onChange(() => this.#enqueueAll()));
      this.#cleanups.push(this.#shards.registerInFlight(() => this.working()));
      this.#cleanups.push(this.#shards.onLapse(() => this.abort('this replica has lost its Lease')));
    }
    this.#enqueueAll();
    this.#scheduleResync();
    this.#pumpSoon();
  }

  /** Starts no further pass; resolves once the passes in progress have ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#cancelResync();
    this.#queue.clear();
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
  }

  /** Ends the passes in progress: their signals abort with `reason`. */
  abort(reason: string): void {
    for (const pass of this.#passes) pass.abort(new AbortedError(reason));
  }

  #owns(key: Key): boolean {
    return this.#shards === undefined || this.#shards.owns(key);
  }

  #enqueueAll(): void {
    for (const key of this.#keys()) this.enqueue(key);
  }

  #scheduleResync(): void {
    const resyncMs = this.#resyncMs;
    if (resyncMs === undefined || this.#stopping) return;
    this.#cancelResync = this.#clock.setTimeout(
      () => {
        // Spread over time, so that a resync of thousands of keys does not delay keys that have changed.
        for (const key of this.#keys()) this.enqueueAfter(key, Math.random() * Math.min(resyncMs / 4, 30_000));
        this.#scheduleResync();
      },
      resyncMs * (0.9 + Math.random() / 5),
    );
  }

  /**
   * Starts passes in the next turn of the event loop: informers queue keys while their caches are between two states. It also
   * means that all events of one chunk of a watch lead to one pass per key.
   */
  #pumpSoon(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (!this.#started) return;
    while (!this.#stopping && this.#running < 2 * this.#concurrency) {
      const key = this.#queue.take({ ofIdle: this.#running >= this.#concurrency });
      if (key === undefined) return;
      const waitMs = this.#owns(key) ? this.#waitMs(key) : 0;
      if (waitMs > 0) {
        this.#queue.done(key);
        this.#queue.addAfter(key, waitMs);
      } else if (this.#owns(key)) {
        this.#running++;
        // #pass catches everything. If it fails all the same, the key would stay taken for ever, so the process ends.
        this.#pass(key).catch((error: unknown) => this.#crashed(error));
      } else {
        // The new owner of the key queues it.
        this.#queue.done(key);
        this.#failures.delete(key);
        this.#refusals.forget(key);
      }
    }
  }

  /** Ends the process, as any unexpected exception does. */
  #crashed(error: unknown): void {
    setImmediate(() => {
      throw error;
    });
  }

  /** How long the key must still wait for its next pass. */
  #waitMs(key: Key): number {
    if (this.#minIntervalMs === 0) return 0;
    const now = this.#clock.monotonic();
    const last = this.#lastPassAt.get(key);
    // Timers count whole milliseconds. Rounded down, the rest of the wait would be 0, and the key would be taken and put back in a loop.
    if (last !== undefined && now - last < this.#minIntervalMs) return Math.ceil(this.#minIntervalMs - (now - last));
    this.#lastPassAt.set(key, now);
    if (this.#lastPassAt.size > 1000) {
      for (const [old, at] of this.#lastPassAt) {
        // A key that is set again keeps its place, so the order is not that of time: check all.
        if (now - at >= this.#minIntervalMs) this.#lastPassAt.delete(old);
      }
    }
    return 0;
  }

  async #pass(key: Key): Promise<void> {
    const logger = this.#logger.child({ key });
    const started = this.#clock.monotonic();
    const pass = new AbortController();
    this.#passes.add(pass);
    const cancelLimit = this.#clock.setTimeout(() => pass.abort(this.#timeoutOf(key)), this.#passTimeoutMs);
    let outcome: PassOutcome;
    try {
      const { signal } = pass;
      const result = await withPassSignal(signal, () => this.#reconcile(key, { logger, signal }));
      // A pass that swallowed the abort has not done all its work.
      signal.throwIfAborted();
      const afterMs = result?.requeueAfterMs;
      outcome = afterMs === undefined ? { result: 'success' } : { result: 'requeued', afterMs };
    } catch (error) {
      outcome = outcomeOfFailure(error);
      if (pass.signal.aborted) logger.warn({ cause: messageOf(pass.signal.reason) }, 'pass aborted');
      else this.#log(error, { key, outcome, logger });
    }
    cancelLimit();
    this.#passes.delete(pass);
    this.#seconds.observe(
      { controller: this.name, result: outcome.result },
      (this.#clock.monotonic() - started) / 1000,
    );
    this.#running--;
    this.#queue.done(key);
    this.#after(key, outcome);
    if (this.#running === 0 && this.#stopping) for (const resolve of this.#idle.splice(0)) resolve();
    this.#pump();
  }

  #timeoutOf(key: Key): AbortedError {
    const { name } = this;
    return new AbortedError(
      `the pass of controller ${name} for ${key} took longer than ${this.#passTimeoutMs / 1000} s`,
    );
  }

  #after(key: Key, outcome: PassOutcome): void {
    if (outcome.result === 'success' || outcome.result === 'requeued' || outcome.result === 'terminal') {
      this.#failures.delete(key);
      if (outcome.result === 'requeued') this.enqueueAfter(key, outcome.afterMs);
      return;
    }
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    this.#retries.inc({ controller: this.name });
    const waitMs =
      outcome.result === 'conflict'
        ? backoffMs(failures, CONFLICT_BACKOFF)
        : Math.max(outcome.atLeastMs, backoffMs(failures, this.#backoff));
    this.enqueueAfter(key, waitMs);
  }

  /**
   * Logs a refusal when it first occurs, when it changes, and from time to time while it lasts; the metrics count the passes in between.
   * A successful pass does not mean that the refusal is over: the pass may only have waited.
   */
  #log(error: unknown, { key, outcome, logger }: { key: Key; outcome: PassOutcome; logger: Logger }): void {
    if (outcome.result === 'conflict') {
      logger.debug({ err: error }, 'conflict: the cache was stale');
      return;
    }
    if (outcome.result === 'terminal') {
      logger.warn(loggedError(error), 'not retried: only a change by the user can fix this');
      return;
    }
    const cause = refusalIn(error);
    if (cause === undefined) {
      logger.error({ err: error }, 'reconcile failed');
      return;
    }
    const isEnding = isOfEndingNamespace(error);
    const isNews = this.#refusals.isNews(key, isEnding ? 'namespace ends' : withoutNames(cause));
    if (!isNews) logger.debug({ cause }, 'refused again');
    else if (isEnding) logger.info({ cause }, 'nothing can be created in a namespace that is being deleted');
    else logger.warn({ cause }, 'refused; the pass is retried later');
  }
}
