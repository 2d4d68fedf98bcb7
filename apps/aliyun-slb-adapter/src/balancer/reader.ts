import type { Clock } from '@kuperator/runtime';
import { untilAborted } from '../cloud/until-aborted.ts';
import type { Balancer, BalancerCall, Group, HealthOf, Server } from './balancer.ts';
import { FreshReads } from './fresh-reads.ts';

export type GroupState = { readonly servers: readonly Server[] };

export type ReaderOptions = {
  readonly clock: Clock;
  /** Least time between two reads of the same list. */
  readonly minIntervalMs: number;
  /** How long the list of a load balancer's groups is used: groups come and go with Services, not with Pods. */
  readonly groupsMaxAgeMs: number;
  /** Aborts when the process stops. A read is shared, so the end of one pass must not end it. */
  readonly stopping: AbortSignal;
};

/** Reads load balancers, each list once for all Services that use it. */
export class BalancerReader {
  readonly #options: ReaderOptions;
  readonly #reads: FreshReads;
  readonly #groups = new Map<string, { readonly groups: readonly Group[]; readonly at: number }>();

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#reads = new FreshReads(options.clock, options.minIntervalMs);
  }

  /** The groups of a load balancer, at most `groupsMaxAgeMs` old. */
  async groups(balancer: Balancer, call: BalancerCall): Promise<readonly Group[]> {
    const { clock, groupsMaxAgeMs } = this.#options;
    const key = `${balancer.product}/${call.loadBalancer}/groups`;
    const known = this.#groups.get(key);
    if (known && clock.monotonic() - known.at < groupsMaxAgeMs) return known.groups;
    const at = clock.monotonic();
    const groups = await this.#read(key, call, (shared) => balancer.groups(shared));
    this.#groups.set(key, { groups, at });
    for (const [old, { at: oldAt }] of this.#groups) if (at - oldAt >= groupsMaxAgeMs) this.#groups.delete(old);
    return groups;
  }

  /** The servers of each group, from reads that start now. */
  async states(
    balancer: Balancer,
    groups: readonly Group[],
    call: BalancerCall,
  ): Promise<ReadonlyMap<Group, GroupState>> {
    const states = await Promise.all(
      groups.map(async (group) => {
        const key = `${balancer.product}/${call.loadBalancer}/${group.id}`;
        const servers = await this.#read(key, call, (shared) => balancer.servers(group.id, shared));
        return [group, { servers }] as const;
      }),
    );
    return new Map(states);
  }

  /** The health of the servers of these groups, from a read that starts now. */
  health(balancer: Balancer, groups: readonly Group[], call: BalancerCall): Promise<HealthOf> {
    // One answer of a CLB has all its groups; an NLB is asked for each listener.
    const of = balancer.product === 'clb' ? '' : groups.map(({ id }) => id).join();
    const key = `${balancer.product}/${call.loadBalancer}/health/${of}`;
    return this.#read(key, call, (shared) => balancer.health(groups, shared));
  }

  async #read<T>(key: string, call: BalancerCall, read: (call: BalancerCall) => Promise<T>): Promise<T> {
    const shared = this.#reads.get(key, this.#options.stopping, (signal) => read({ ...call, signal }));
    return untilAborted(shared, call.signal);
  }
}
