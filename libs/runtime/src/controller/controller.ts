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

/** What a pass answers; nothing means done until something changes. */
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
// The cache is some milliseconds behind; the watch event that makes the next pass right mostly wakes it by itself.
const CONFLICT_BACKOFF: BackoffOptions = { baseMs: 25, maxMs: 1000 };

/**
 * Runs `reconcile` for queued keys: one pass a key at a time, `concurrency` keys at once, only keys of our shard. Namespaces take turns;
 * where passes of others that do not end have taken all places, a namespace has one more of its own, up to as many again.
 * A failed pass is repeated with exponential backoff, reset by a good one.
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
  /** What was last told of keys that are refused, and when. */
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
    /** All keys there are: queued at start, when the shard moves and at each resync. */
    keys: () => readonly Key[];
    shards?: Shards;
    /** Least time between the starts of two passes of one key; the first one is immediate. */
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
    // A series that is there from the start: a rate over one that only appears with its first failure misses that failure.
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

  /** Takes no new keys and resolves once the passes under way have finished. */
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
        // Spread out, so that a resync of thousands of keys does not hold up the ones with news.
        for (const key of this.#keys()) this.enqueueAfter(key, Math.random() * Math.min(resyncMs / 4, 30_000));
        this.#scheduleResync();
      },
      resyncMs * (0.9 + Math.random() / 5),
    );
  }

  /**
   * Not at once: keys are queued from within informers, whose caches are then between two states. And what one chunk of
   * a watch brings for a key ends up in one pass.
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
        // A pass does not fail. Should it all the same, no key may stay taken for ever without a word.
        this.#pass(key).catch((error: unknown) => this.#crashed(error));
      } else {
        // The new owner queues it by itself.
        this.#queue.done(key);
        this.#failures.delete(key);
        this.#refusals.forget(key);
      }
    }
  }

  /** Ends the process as any other exception that nobody expects. */
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
    // Whole milliseconds, as timers count them: a rest lost to rounding would have the key wait for no time, over and over.
    if (last !== undefined && now - last < this.#minIntervalMs) return Math.ceil(this.#minIntervalMs - (now - last));
    this.#lastPassAt.set(key, now);
    if (this.#lastPassAt.size > 1000) {
      for (const [old, at] of this.#lastPassAt) {
        // Insertion order is not time order for keys set again, so all are looked at.
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
      else this.#log(logger, key, outcome, error);
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
   * A refusal is told when it comes, when it changes, and as long as it stays from time to time; the passes that meet it again are counted
   * by the metrics. Good passes in between are no sign that it is over: they may only have waited.
   */
  #log(logger: Logger, key: Key, outcome: PassOutcome, error: unknown): void {
    if (outcome.result === 'conflict') {
      logger.debug({ err: error }, 'conflict: decided on a stale cache');
      return;
    }
    if (outcome.result === 'terminal') {
      logger.warn(loggedError(error), 'waiting for the user to mend this');
      return;
    }
    const cause = refusalIn(error);
    if (cause === undefined) {
      logger.error({ err: error }, 'reconcile failed');
      return;
    }
    const isEnding = isOfEndingNamespace(error);
    const told = isEnding ? 'namespace ends' : withoutNames(cause);
    const isNews = this.#refusals.isNews(key, told);
    if (!isNews) logger.debug({ cause }, 'refused again');
    else if (isEnding) logger.info({ cause }, 'nothing can be created in a namespace that is being deleted');
    else logger.warn({ cause }, 'refused; tried again later');
  }
}
