import { onTestFinished } from 'vitest';
import { type SlbServer, type SlbServerOptions, startSlbServer } from '../server.ts';
import { type VendorCall, vendorClient } from '../vendor-client.ts';

/** A server for one test, the vendor's client on it, and the time of its model, which stands still. */
export async function startForTest(
  options: Omit<SlbServerOptions, 'clock'> = {},
): Promise<{ server: SlbServer; call: VendorCall }> {
  const startMs = Date.now();
  const server = await startSlbServer({ ...options, clock: { now: () => startMs } });
  onTestFinished(() => server.stop());
  return { server, call: vendorClient({ endpoint: server.endpoint, account: server.account }) };
}

/** One backend in the JSON list that CLB wants. */
export function clbBackends(...backends: { ip: string; weight?: number; description?: string }[]): string {
  return JSON.stringify(
    backends.map(({ ip, weight, description }) => ({
      ServerId: `eni-${ip}`,
      ServerIp: ip,
      Type: 'eni',
      Port: '80',
      ...(weight === undefined ? {} : { Weight: `${weight}` }),
      ...(description === undefined ? {} : { Description: description }),
    })),
  );
}

/** One server in the list that NLB wants. */
export function nlbServers(...servers: { ip: string; weight?: number }[]) {
  return servers.map(({ ip, weight }) => ({
    ServerId: `eni-${ip}`,
    ServerIp: ip,
    ServerType: 'Eni',
    Port: 80,
    ...(weight === undefined ? {} : { Weight: weight }),
  }));
}
