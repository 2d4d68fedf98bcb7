/** Calls that an account may make of one API in one region. */
export type Limit = { readonly calls: number; readonly perMs: number };

const PER_MINUTE = 60_000;
const READS: Limit = { calls: 3000, perMs: PER_MINUTE };

/**
 * Published for some APIs. Those of the same product without a figure of their own are taken to have that of their siblings.
 * @see https://www.alibabacloud.com/help/en/slb/classic-load-balancer/product-overview/limits
 */
const PUBLISHED: ReadonlyMap<string, Limit> = new Map([
  ['Slb AddVServerGroupBackendServers', { calls: 90, perMs: PER_MINUTE }],
  ['Slb SetVServerGroupAttribute', { calls: 90, perMs: PER_MINUTE }],
  ['Slb RemoveVServerGroupBackendServers', { calls: 90, perMs: PER_MINUTE }],
  ['Slb AddBackendServers', { calls: 90, perMs: PER_MINUTE }],
  ['Slb SetBackendServers', { calls: 90, perMs: PER_MINUTE }],
  ['Slb RemoveBackendServers', { calls: 90, perMs: PER_MINUTE }],
  ['Nlb AddServersToServerGroup', { calls: 200, perMs: PER_MINUTE }],
  ['Nlb RemoveServersFromServerGroup', { calls: 200, perMs: PER_MINUTE }],
  ['Nlb UpdateServerGroupServersAttribute', { calls: 200, perMs: PER_MINUTE }],
  ['Nlb ListServerGroupServers', { calls: 20, perMs: 1000 }],
  ['Nlb ListServerGroups', { calls: 20, perMs: 1000 }],
  ['Nlb ListListeners', { calls: 20, perMs: 1000 }],
  ['Nlb GetListenerHealthStatus', { calls: 20, perMs: 1000 }],
  ['Nlb GetJobStatus', { calls: 20, perMs: 1000 }],
]);

/** @param api product and action, e.g. `Slb DescribeHealthStatus` */
export function limitOf(api: string): Limit {
  return PUBLISHED.get(api) ?? READS;
}
