import type { Clock } from '@kuperator/runtime';
import { type Group, type Health, type Server, serverKey } from '../balancer/balancer.ts';
import type { SlbSettings } from './settings.ts';

/** The longest that the products take to check a new server for the first time. */
const UNCHECKED_MS = 60_000;
const FORGOTTEN_MS = 10 * 60_000;

/**
 * Tells a server that was not checked yet from one that is never checked: the API shows both as unknown. One that has been unknown for
 * a minute is taken to be on a listener without a health check.
 */
export class UncheckedServers {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #since = new Map<string, { readonly at: number; seenAt: number }>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  isUnchecked({
    settings,
    group,
    server,
    health,
  }: {
    readonly settings: SlbSettings;
    readonly group: Group;
    readonly server: Server;
    readonly health: Health;
  }): boolean {
    const key = `${settings.loadBalancer}/${group.id}/${serverKey(server)}`;
    const now = this.#clock.monotonic();
    if (health !== 'unknown') {
      this.#since.delete(key);
      return false;
    }
    const known = this.#since.get(key);
    if (known && now - known.seenAt < FORGOTTEN_MS) {
      known.seenAt = now;
      return now - known.at >= UNCHECKED_MS;
    }
    this.#since.set(key, { at: now, seenAt: now });
    for (const [old, { seenAt }] of this.#since) if (now - seenAt >= FORGOTTEN_MS) this.#since.delete(old);
    return false;
  }
}
