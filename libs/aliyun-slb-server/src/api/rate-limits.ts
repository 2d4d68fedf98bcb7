import { ApiError } from './api-error.ts';
import type { Product } from './request.ts';

/** At most `calls` in any `windowMs`, per account, region and action. */
export type RateLimit = { calls: number; windowMs: number };

/** A call as it was counted, whatever its answer. */
export type CountedCall = {
  atMs: number;
  product: Product;
  action: string;
  accountId: string;
  regionId: string;
  /** `OK`, or the code of the error. */
  code: string;
};

const MINUTE = 60_000;
const SLB_WRITE: RateLimit = { calls: 90, windowMs: MINUTE };
const SLB_READ: RateLimit = { calls: 3000, windowMs: MINUTE };

/** The limits that the vendor publishes, by product and action. `Slb.Describe*` holds for the other reads of that product. */
export const PUBLISHED_LIMITS: ReadonlyMap<string, RateLimit> = new Map([
  ['Slb.AddVServerGroupBackendServers', SLB_WRITE],
  ['Slb.RemoveVServerGroupBackendServers', SLB_WRITE],
  ['Slb.ModifyVServerGroupBackendServers', SLB_WRITE],
  ['Slb.SetVServerGroupAttribute', SLB_WRITE],
  ['Slb.Describe*', SLB_READ],
  ['Nlb.AddServersToServerGroup', { calls: 200, windowMs: MINUTE }],
  ['Nlb.RemoveServersFromServerGroup', { calls: 200, windowMs: MINUTE }],
  ['Nlb.UpdateServerGroupServersAttribute', { calls: 200, windowMs: MINUTE }],
  ['Nlb.ListServerGroupServers', { calls: 20, windowMs: 1000 }],
  ['Nlb.GetJobStatus', { calls: 20, windowMs: 1000 }],
]);

/** Counts calls and refuses those above a limit. A refused call does not count against the limit. */
export class CallMeter {
  readonly calls: CountedCall[] = [];
  /** Overrides {@link PUBLISHED_LIMITS}; a limit that is undefined is off. */
  readonly limits = new Map<string, RateLimit | undefined>(PUBLISHED_LIMITS);
  readonly #admitted = new Map<string, number[]>();

  /** @throws ApiError `Throttling.User` if the call is one too many */
  admit(call: Omit<CountedCall, 'code'>): void {
    const limit = this.#limitOf(call.product, call.action);
    if (!limit) return;
    const key = `${call.accountId}/${call.regionId}/${call.product}.${call.action}`;
    const recent = (this.#admitted.get(key) ?? []).filter((atMs) => atMs > call.atMs - limit.windowMs);
    this.#admitted.set(key, recent);
    if (recent.length >= limit.calls) {
      throw new ApiError(400, 'Throttling.User', 'Request was denied due to user flow control.');
    }
    recent.push(call.atMs);
  }

  #limitOf(product: Product, action: string): RateLimit | undefined {
    const own = `${product}.${action}`;
    if (this.limits.has(own)) return this.limits.get(own);
    return action.startsWith('Describe') ? this.limits.get(`${product}.Describe*`) : undefined;
  }
}

/** The highest number of `calls` in any period of `windowMs`. */
export function highestRate(calls: readonly { atMs: number }[], windowMs: number): number {
  const times = calls.map(({ atMs }) => atMs).toSorted((a, b) => a - b);
  let start = 0;
  let highest = 0;
  times.forEach((atMs, index) => {
    while ((times[start] ?? atMs) <= atMs - windowMs) start++;
    highest = Math.max(highest, index - start + 1);
  });
  return highest;
}
