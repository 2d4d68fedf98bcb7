import type { Key } from '@kuperator/api';
import type { FakeClock } from '@kuperator/testing';
import { AlreadyExistsError, ConflictError, ConnectionError, NotFoundError } from '../client/errors.ts';
import type { Cancel, Clock } from '../process/clock.ts';
import { createLogger } from '../process/logger.ts';
import type { LeaseStore } from '../shards/lease-store.ts';
import type { MemberClaim, MemberLease } from '../shards/member-lease.ts';
import { Shards } from '../shards/shards.ts';

const logger = createLogger({ app: 'test', level: 'silent' });

export type LeaseVerb = 'list' | 'write' | 'remove' | 'watch';

/** How the network treats one request; all times in ms of real time. */
export type Weather = { thereMs: number; backMs: number; fate: 'arrives' | 'lost' | 'answer lost' };

/** The Leases, with what an API server guarantees about them. */
export class LeaseServer {
  readonly #leases = new Map<string, MemberLease>();
  readonly #watchers = new Set<() => void>();
  #version = 0;

  list(): readonly MemberLease[] {
    return [...this.#leases.values()];
  }

  write(claim: MemberClaim, held: MemberLease | undefined): MemberLease {
    const present = this.#leases.get(claim.identity);
    const refusal = { status: 409, reason: '' };
    if (!held && present) throw new AlreadyExistsError('', refusal);
    if (held && !present) throw new NotFoundError('', refusal);
    if (held && (held.uid !== present?.uid || held.version !== present.version)) throw new ConflictError('', refusal);
    const version = String(++this.#version);
    const lease = { ...claim, uid: present?.uid ?? `uid-${version}`, version };
    this.#leases.set(claim.identity, lease);
    for (const wake of this.#watchers) wake();
    return lease;
  }

  remove(lease: MemberLease): void {
    const present = this.#leases.get(lease.identity);
    if (present?.uid !== lease.uid || present.version !== lease.version)
      throw new ConflictError('', { status: 409, reason: '' });
    this.#leases.delete(lease.identity);
    for (const wake of this.#watchers) wake();
  }

  watch(wake: () => void): () => void {
    this.#watchers.add(wake);
    return () => this.#watchers.delete(wake);
  }
}

/**
 * One replica in a simulated process: its clock runs at `rate`, and while it is paused or after it crashed none of its
 * code runs: timers and answers wait, or never come.
 */
export class SimulatedMember {
  readonly shards: Shards;
  readonly #time: FakeClock;
  readonly #rate: number;
  readonly #held: (() => void)[] = [];
  readonly #passes = new Map<Key, { aborted: boolean }>();
  #state: 'running' | 'paused' | 'dead' = 'running';

  constructor(options: {
    identity: string;
    time: FakeClock;
    server: LeaseServer;
    rate: number;
    weather: (verb: LeaseVerb) => Weather;
    watches: boolean;
  }) {
    this.#time = options.time;
    this.#rate = options.rate;
    this.shards = new Shards({
      client: undefined as never,
      namespace: '',
      app: 'test',
      identity: options.identity,
      logger,
      clock: this.#clock(),
      store: this.#store(options),
      leaseDurationMs: 15_000,
    });
    this.shards.registerInFlight(() => [...this.#passes.keys()]);
    this.shards.onLapse(() => {
      for (const pass of this.#passes.values()) pass.aborted = true;
    });
  }

  get alive(): boolean {
    return this.#state !== 'dead';
  }

  /** Keys this member may be writing at this moment. */
  acting(): readonly Key[] {
    if (this.#state !== 'running') return [];
    return [...this.#passes].flatMap(([key, { aborted }]) => (aborted ? [] : [key]));
  }

  /** Begins a pass for the key if the member owns it now. */
  work(key: Key, durationMs: number): void {
    if (this.#state !== 'running' || this.#passes.has(key) || !this.shards.owns(key)) return;
    this.#passes.set(key, { aborted: false });
    this.#time.setTimeout(() => this.#whenRunning(() => this.#passes.delete(key)), durationMs);
  }

  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    for (const run of this.#held.splice(0)) run();
  }

  crash(): void {
    this.#state = 'dead';
  }

  /** An orderly stop: passes end first. */
  async leave(): Promise<void> {
    if (this.#state !== 'running') return this.crash();
    this.#passes.clear();
    await this.shards.stop();
    this.#state = 'dead';
  }

  #whenRunning(run: () => void): void {
    if (this.#state === 'running') run();
    else if (this.#state === 'paused') this.#held.push(run);
  }

  #clock(): Clock {
    return {
      now: () => this.#time.now(),
      monotonic: () => this.#time.monotonic() * this.#rate,
      nanos: () => this.#time.nanos(),
      setTimeout: (run, ms): Cancel => {
        let cancelled = false;
        const cancel = this.#time.setTimeout(() => {
          this.#whenRunning(() => {
            if (!cancelled) run();
          });
        }, ms / this.#rate);
        return () => {
          cancelled = true;
          cancel();
        };
      },
    };
  }

  #store(options: { server: LeaseServer; weather: (verb: LeaseVerb) => Weather; watches: boolean }): LeaseStore {
    const { server, weather, watches } = options;
    const call = <R>(verb: LeaseVerb, timeoutMs: number, effect: () => R): Promise<R> =>
      new Promise<R>((resolve, reject) => {
        const { thereMs, backMs, fate } = weather(verb);
        const answer = (settle: () => void) => {
          if (fate === 'arrives') this.#time.setTimeout(() => this.#whenRunning(settle), backMs);
        };
        const arrive = () => {
          try {
            const result = effect();
            answer(() => resolve(result));
          } catch (error) {
            answer(() => reject(error));
          }
        };
        // A request on the wire is independent of its sender: it arrives even if the sender is paused or dead.
        if (fate !== 'lost') this.#time.setTimeout(arrive, thereMs);
        this.#clock().setTimeout(() => reject(new ConnectionError('timeout')), timeoutMs);
      });
    return {
      list: (timeoutMs) => call('list', timeoutMs, () => server.list()),
      write: (claim, held, timeoutMs) => call('write', timeoutMs, () => server.write(claim, held)),
      remove: (lease, timeoutMs) => call('remove', timeoutMs, () => server.remove(lease)),
      watch: (_identity, wake) => {
        const stop = watches
          ? server.watch(() => this.#time.setTimeout(() => this.#whenRunning(wake), 1 + weather('watch').backMs))
          : () => {};
        return {
          async stop() {
            stop();
          },
        };
      },
    };
  }
}
