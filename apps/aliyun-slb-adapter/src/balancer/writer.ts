import { type Clock, sleep } from '@kuperator/runtime';
import { CloudError } from '../cloud/errors.ts';
import type { Balancer, BalancerCall, Server } from './balancer.ts';

const MAX_ATTEMPTS = 10;
const BUSY_WAIT_MS = 1000;

/** The writes of one product. */
export type BalancerWriter = {
  add(group: string, servers: readonly Server[], call: BalancerCall): Promise<void>;
  weigh(group: string, servers: readonly Server[], call: BalancerCall): Promise<void>;
  remove(group: string, servers: readonly Server[], call: BalancerCall): Promise<void>;
};

/**
 * Writes in batches, and one after the other for each load balancer: a second write at once would be refused, even to another group. If
 * somebody else's change is in progress, a write is repeated until it is taken. A write whose outcome is unclear is not repeated: the next
 * pass reads what it has done.
 */
export function balancerWriter(
  balancer: Balancer,
  { batchSize, clock }: { batchSize: number; clock: Clock },
): BalancerWriter {
  /** The end of the last write of each load balancer. */
  const tails = new Map<string, Promise<void>>();

  async function inTurn(loadBalancer: string, write: () => Promise<void>): Promise<void> {
    const before = tails.get(loadBalancer) ?? Promise.resolve();
    const own = before.then(write, write);
    const tail = own.then(
      () => {},
      () => {},
    );
    tails.set(loadBalancer, tail);
    try {
      await own;
    } finally {
      if (tails.get(loadBalancer) === tail) tails.delete(loadBalancer);
    }
  }

  async function untilTaken(write: () => Promise<void>, { signal }: BalancerCall): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        await write();
        return;
      } catch (error) {
        if (!(error instanceof CloudError) || error.kind !== 'busy' || attempt === MAX_ATTEMPTS) throw error;
        await sleep(clock, BUSY_WAIT_MS * (0.75 + Math.random() / 2), signal);
      }
    }
  }

  const written =
    (verb: 'add' | 'weigh' | 'remove') =>
    async (group: string, servers: readonly Server[], call: BalancerCall): Promise<void> => {
      for (let from = 0; from < servers.length; from += batchSize) {
        const batch = servers.slice(from, from + batchSize);
        await inTurn(call.loadBalancer, () => untilTaken(() => balancer[verb](group, batch, call), call));
      }
    };
  return { add: written('add'), weigh: written('weigh'), remove: written('remove') };
}
