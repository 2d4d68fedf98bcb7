import { type SlbServer, type SlbServerOptions, startSlbServer } from '@kuperator/aliyun-slb-server';
import { createMetrics, systemClock } from '@kuperator/runtime';
import { onTestFinished } from 'vitest';
import { CloudApi } from '../cloud/api.ts';
import { limitOf } from '../cloud/limits.ts';
import { RateLimiter } from '../cloud/rate-limiter.ts';
import { vendorClient } from '../cloud/vendor-client.ts';

export const REGION = 'cn-hangzhou';

/** The local server, and the adapter's client on it. */
export async function startCloud(
  options: SlbServerOptions = {},
): Promise<{ readonly server: SlbServer; readonly api: CloudApi; readonly signal: AbortSignal }> {
  const server = await startSlbServer(options);
  onTestFinished(() => server.stop());
  return { server, api: cloudOn(server), signal: new AbortController().signal };
}

export function cloudOn(
  { endpoint, account }: Pick<SlbServer, 'endpoint' | 'account'>,
  { readTimeoutMs = 5000 }: { readTimeoutMs?: number } = {},
): CloudApi {
  const at = { protocol: 'http', host: endpoint } as const;
  const send = vendorClient({
    endpoints: { Slb: at, Nlb: at, Ecs: at },
    region: REGION,
    credentials: { name: 'test', read: () => Promise.resolve(account) },
    connectTimeoutMs: 1000,
    readTimeoutMs,
  });
  const clock = systemClock;
  const limiter = new RateLimiter({ limitOf, share: () => 1, clock });
  return new CloudApi({ send, limiter, clock, metrics: createMetrics('test', { processMetrics: false }) });
}
