import { randomUUID } from 'node:crypto';
import type { Key } from '@kuperator/api';
import type { KubeClient } from '../client/client.ts';
import { AlreadyExistsError, ConflictError, NotFoundError } from '../client/errors.ts';
import { loggedError } from '../client/logged-error.ts';
import { type Cancel, type Clock, systemClock } from '../process/clock.ts';
import type { Logger } from '../process/logger.ts';
import type { Metrics } from '../process/metrics.ts';
import { kubeLeaseStore, type LeaseStore } from './lease-store.ts';
import type { MemberLease } from './member-lease.ts';
import { ownerOf, type View, viewFromId, viewOf } from './rendezvous.ts';

type ShardsOptions = {
  client: KubeClient;
  namespace: string;
  app: string;
  /** Name of this replica. A process that starts takes over the Lease of its name: it replaces a dead one. */
  identity: string;
  logger: Logger;
  metrics?: Metrics;
  clock?: Clock;
  /** After this time without renewal the other members take over the keys; default 15 000. All replicas of an operator must use the same value. */
  leaseDurationMs?: number;
  /** Time between two renewals; default a third of the duration. */
  renewMs?: number;
  /** Where the Leases are kept instead of in `namespace`, for tests. */
  store?: LeaseStore;
};

/** A member stops after this share of the duration, so that clock drift and passes in progress leave time before a takeover. */
const FENCE = 0.8;
const DRAIN_POLL_MS = 20;

/**
 * Shares keys among the live replicas of an operator; two replicas never work on the same key.
 *
 * Each member has one Lease, which it renews and in which it publishes its view: the member list it acts upon. The view
 * gives every key one owner (rendezvous hashing). A member works on a key only while all of this holds:
 *
 * 1. It owns the key in the view it has published, and in the one it wants to publish next.
 * 2. It has read all Leases after the API server confirmed that publication, and no other live member's view gave the key to that
 *    other member.
 * 3. Its Lease was renewed within 0.8 of the duration, counted from before the renewal was sent, by its own
 *    monotonic clock.
 *
 * Two members that both claim a key have both published before they read, so at least one of them sees the other's
 * claim (Dekker's argument) and waits; and it waits until the other's view has dropped the key. A member that loses keys
 * first starts no more passes for them, lets the running ones end, and only then publishes. In the end all members have the same
 * list of live members, so every key has one owner.
 *
 * A member counts as dead if its Lease is still unchanged in a read that began a whole duration after the last observed change.
 * Members never compare wall clocks. After a pause, point 3 no longer holds for a member. After its next renewal it must do
 * the read of point 2 again, which shows who has taken its keys. A write without a response may have taken effect, now or later,
 * so until the next write with a response the member works only on keys that it owns in both views.
 *
 * One case remains: a process that is frozen during a pass for longer than its Lease may still send one write when it wakes. The
 * resourceVersion and uid preconditions of writes cover this case.
 */
export class Shards {
  readonly #identity: string;
  readonly #incarnation = randomUUID();
  readonly #durationMs: number;
  readonly #renewMs: number;
  readonly #store: LeaseStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #changeHandlers = new Set<() => void>();
  readonly #lapseHandlers = new Set<() => void>();
  readonly #inFlight = new Set<() => readonly Key[]>();
  /** When each Lease was first seen in its current version. */
  readonly #seen = new Map<string, { version: string; at: number }>();

  /** Our Lease as the API server last returned it. */
  #mine: MemberLease | undefined;
  /** View of the last write that was answered; this replica acts upon it. */
  #published: View | undefined;
  /** Views of unanswered writes since then. */
  #unanswered: View[] = [];
  #target: View;
  /** Views of other members that differ from ours; undefined until they were read after a publication. */
  #others: { identity: string; view: View }[] | undefined;
  #validUntil = Number.NEGATIVE_INFINITY;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #superseded = false;
  #signature = '';

  #stopping = false;
  #running: Promise<void> | undefined;
  #watch: { stop(): Promise<void> } | undefined;
  #wake: () => void = () => {};
  #woken = false;
  #cancelLapse: Cancel = () => {};

  constructor(options: ShardsOptions) {
    this.#identity = options.identity;
    this.#target = viewOf([options.identity]);
    this.#durationMs = options.leaseDurationMs ?? 15_000;
    this.#renewMs = options.renewMs ?? this.#durationMs / 3;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger.child({ shards: options.app });
    this.#store = options.store ?? kubeLeaseStore({ ...options, clock: this.#clock, logger: this.#logger });
    options.metrics?.gauge({
      name: 'kuperator_shard_members',
      help: 'Replicas among which this one shares the keys, itself included; 0 while it has none.',
      collect: (gauge) => gauge.set(this.#isActive() ? this.members().length : 0),
    });
  }

  /** Joins and resolves at once. `onChange` reports keys as soon as the other members have released them. */
  async start(): Promise<void> {
    this.#watch = this.#store.watch(this.#identity, () => this.#wakeUp());
    this.#running = this.#run();
  }

  /** Leaves: owns no keys from now on and deletes the Lease, so that the other members take over at once. Call it when no pass is in progress. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakeUp();
    this.#cancelLapse();
    await this.#running;
    await this.#watch?.stop();
    if (!this.#mine || this.#superseded) return;
    try {
      await this.#store.remove(this.#mine, this.#renewMs);
    } catch (error) {
      this.#logger.info(loggedError(error), 'the Lease could not be deleted; it expires by itself');
    }
  }

  /** True if this replica, and no other, may work on the key now. */
  owns(key: Key): boolean {
    const published = this.#published;
    const others = this.#others;
    if (!published || !others || !this.#isActive()) return false;
    const ours = (view: View) => ownerOf(view, key) === this.#identity;
    if (!ours(published)) return false;
    if (this.#target !== published && !ours(this.#target)) return false;
    if (!this.#unanswered.every(ours)) return false;
    return others.every(({ identity, view }) => ownerOf(view, key) !== identity);
  }

  /** Returns the identities of the members in the view that this replica acts upon, sorted. */
  members(): readonly string[] {
    return (this.#published ?? this.#target).members.map((member) => member.identity);
  }

  /** True, or why this replica owns no keys: a check for `/readyz`. */
  state(): true | string {
    if (this.#superseded) return `another process runs as ${this.#identity}`;
    if (!this.#published) return 'not joined yet';
    if (this.#clock.monotonic() >= this.#validUntil) return 'the Lease could not be renewed';
    return this.#others ? true : 'waiting for the views of the other replicas';
  }

  /** Calls `handler` when this replica may own other keys than before. Returns how to unsubscribe. */
  onChange(handler: () => void): () => void {
    this.#changeHandlers.add(handler);
    return () => this.#changeHandlers.delete(handler);
  }

  /** Calls `handler` when the Lease has lapsed: passes in progress must end. Returns how to unsubscribe. */
  onLapse(handler: () => void): () => void {
    this.#lapseHandlers.add(handler);
    return () => this.#lapseHandlers.delete(handler);
  }

  /** `keys` returns the keys that passes are working on; a lost key is handed over only when it is no longer among them. */
  registerInFlight(keys: () => readonly Key[]): () => void {
    this.#inFlight.add(keys);
    return () => this.#inFlight.delete(keys);
  }

  #isActive(): boolean {
    return !this.#stopping && !this.#superseded && this.#clock.monotonic() < this.#validUntil;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopping && !this.#superseded) {
      this.#woken = false;
      try {
        await this.#step();
        failures = 0;
      } catch (error) {
        failures++;
        this.#logger[failures === 1 ? 'warn' : 'debug'](
          { ...loggedError(error), failures },
          'the Lease could not be renewed',
        );
      }
      this.#announce();
      if (!this.#woken && !this.#stopping) await this.#pause(failures > 0);
    }
  }

  async #step(): Promise<void> {
    for (;;) {
      await this.#read();
      if (this.#stopping || this.#superseded) return;
      this.#announce();
      const publish = this.#target.id !== this.#published?.id && this.#isDrained();
      const renew = !this.#mine || this.#clock.monotonic() - this.#renewedAt >= this.#renewMs;
      if (!publish && !renew) return;
      await this.#write(publish || !this.#published ? this.#target : this.#published);
      if (this.#others || this.#stopping) return;
    }
  }

  async #read(): Promise<void> {
    const startedAt = this.#clock.monotonic();
    const leases = await this.#store.list(this.#renewMs);
    const receivedAt = this.#clock.monotonic();
    const uids = new Set(leases.map((lease) => lease.uid));
    for (const uid of this.#seen.keys()) if (!uids.has(uid)) this.#seen.delete(uid);
    const live: MemberLease[] = [];
    for (const lease of leases) {
      if (lease.identity === this.#identity) continue;
      const seen = this.#seen.get(lease.uid);
      if (seen?.version !== lease.version) this.#seen.set(lease.uid, { version: lease.version, at: receivedAt });
      // The read must begin after the whole duration, or it could miss a renewal. A Lease with a longer duration than ours was not
      // written by a replica; without the bound it would keep its keys from all replicas for as long as it says.
      const durationMs = Math.min(lease.durationMs, this.#durationMs);
      if (seen?.version !== lease.version || startedAt - seen.at < durationMs) live.push(lease);
      else this.#bury(lease);
    }
    this.#recognise(leases.find((lease) => lease.identity === this.#identity));
    const target = viewOf([this.#identity, ...live.map((lease) => lease.identity)]);
    this.#target = target.id === this.#published?.id ? this.#published : target;
    if (!this.#published) return;
    const published = this.#published.id;
    this.#others = live
      .filter((lease) => lease.view !== published)
      .map(({ identity, view }) => ({ identity, view: viewFromId(view) }));
  }

  /** Compares our Lease, as read, with what this process knows about it. */
  #recognise(lease: MemberLease | undefined): void {
    if (!lease || lease.incarnation === this.#incarnation) {
      // The Lease is gone: another member deleted it while this process was frozen, or a person did. Join again.
      if (!lease && this.#mine) this.#forfeit();
      this.#mine = lease;
    } else if (this.#mine?.incarnation === this.#incarnation) {
      this.#superseded = true;
      this.#forfeit();
      this.#logger.error(
        { identity: this.#identity },
        'another process has taken over the Lease of this replica, which owns no keys from now on',
      );
    } else {
      this.#mine = lease;
    }
  }

  async #write(view: View): Promise<void> {
    const sentAt = this.#clock.monotonic();
    const changes = view.id !== this.#published?.id;
    if (changes) this.#unanswered.push(view);
    const claim = {
      identity: this.#identity,
      incarnation: this.#incarnation,
      view: view.id,
      durationMs: this.#durationMs,
    };
    try {
      this.#mine = await this.#store.write(claim, this.#mine, this.#renewMs);
    } catch (error) {
      const refused =
        error instanceof ConflictError || error instanceof NotFoundError || error instanceof AlreadyExistsError;
      // Our Lease has changed; the next read shows how.
      if (refused) this.#wakeUp();
      throw error;
    }
    // The other members may not have seen the claim, or may have taken keys since: read their views before acting on it.
    const lapsed = this.#clock.monotonic() >= this.#validUntil;
    if (changes || lapsed) this.#others = undefined;
    // Keys that were queued while the replica owned none were dropped, so announce even unchanged shards.
    if (lapsed) this.#signature = '';
    this.#published = view;
    this.#unanswered = [];
    this.#renewedAt = sentAt;
    this.#validUntil = sentAt + this.#durationMs * FENCE;
    this.#cancelLapse();
    this.#cancelLapse = this.#clock.setTimeout(() => this.#lapse(), this.#validUntil - this.#clock.monotonic());
  }

  #lapse(): void {
    this.#logger.warn('the Lease was not renewed in time: this replica owns no keys until it is');
    this.#others = undefined;
    this.#signature = '';
    for (const handler of this.#lapseHandlers) handler();
  }

  /** Gives up all keys, because our Lease is gone. */
  #forfeit(): void {
    this.#published = undefined;
    this.#unanswered = [];
    this.#others = undefined;
    this.#validUntil = Number.NEGATIVE_INFINITY;
    this.#cancelLapse();
    for (const handler of this.#lapseHandlers) handler();
  }

  /** Deletes the Lease of a dead member. If the member is alive after all, it finds its Lease gone and joins again. */
  #bury(lease: MemberLease): void {
    this.#logger.info({ member: lease.identity }, 'member is dead: its Lease has expired');
    this.#store.remove(lease, this.#renewMs).catch((error: unknown) => {
      this.#logger.debug({ err: error, member: lease.identity }, 'the Lease of a dead member could not be deleted');
    });
  }

  /** True if no pass is working on a key that the target view takes from this replica. */
  #isDrained(): boolean {
    const published = this.#published;
    if (!published) return true;
    for (const keys of this.#inFlight) {
      for (const key of keys()) {
        if (ownerOf(published, key) === this.#identity && ownerOf(this.#target, key) !== this.#identity) return false;
      }
    }
    return true;
  }

  #announce(): void {
    const others = this.#others?.map(({ identity, view }) => `${identity}:${view.id}`);
    const signature = others && this.#isActive() ? `${this.#published?.id}|${this.#target.id}|${others.join(';')}` : '';
    if (signature === this.#signature) return;
    this.#signature = signature;
    this.#logger.info({ members: this.members(), state: this.state() }, 'shards changed');
    for (const handler of this.#changeHandlers) handler();
  }

  #wakeUp(): void {
    this.#woken = true;
    this.#wake();
  }

  async #pause(failed: boolean): Promise<void> {
    const now = this.#clock.monotonic();
    let ms = this.#renewedAt + this.#renewMs - now;
    if (failed) ms = this.#renewMs / 5;
    else if (this.#target.id !== this.#published?.id) ms = DRAIN_POLL_MS;
    for (const { at } of this.#seen.values())
      ms = Math.min(ms, Math.max(at + this.#durationMs - now, this.#renewMs / 5));
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.setTimeout(resolve, Math.max(1, ms));
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
