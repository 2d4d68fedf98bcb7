// An adapter that owns a backend: a load balancer in memory, with a virtual IP per Service and a real server per Pod.

import type { Pod, Service } from '@kuperator/api';
import { type Adapter, type EmployeeRecord, type ProviderRecord, SERVICE_EMPLOYERS } from '../adapter.ts';
import { isLifecycleReady } from '../lifecycle-ready.ts';

export type Vip = ProviderRecord & { qps: number };
export type RealServer = EmployeeRecord & { ip: string; trafficOn: boolean; weight: number };

type Call = 'createVip' | 'deleteVip' | 'createServers' | 'updateServers' | 'deleteServers';

export class DemoBalancer {
  readonly vips = new Map<string, Vip>();
  readonly servers = new Map<string, RealServer>();
  /** Calls that throw, each until it is taken out again. */
  readonly broken = new Set<Call>();
  /** Real servers that are refused softly, by Pod name. */
  readonly refused = new Set<string>();
  /** Real servers that drain before they go, by Pod name. */
  readonly draining = new Set<string>();
  calls = 0;

  call(name: Call): void {
    this.calls++;
    if (this.broken.has(name)) throw new Error('fake err');
  }
}

export const ERROR_ANNOTATION = 'demo/error';

export function demoAdapter(balancer: DemoBalancer, more: Partial<Adapter> = {}): Adapter {
  return {
    name: 'demo',
    employers: SERVICE_EMPLOYERS,
    recheckMs: [100],
    traffic: {
      employer: {
        expected: (service) => [{ id: vipOf(service), qps: 100 }],
        current: (service) => [balancer.vips.get(vipOf(service)) ?? []].flat(),
        create: async (_service, vips: readonly Vip[]) => {
          balancer.call('createVip');
          for (const vip of vips) balancer.vips.set(vip.id, vip);
          return undefined;
        },
        update: async (_service, vips: readonly Vip[]) => {
          for (const vip of vips) balancer.vips.set(vip.id, vip);
          return undefined;
        },
        delete: async (_service, vips) => {
          balancer.call('deleteVip');
          for (const { id } of vips) balancer.vips.delete(id);
          return undefined;
        },
      },
      employees: {
        expected: (_service, pods) => pods.filter((pod) => pod.status?.podIP).map(realServerFor),
        current: () => [...balancer.servers.values()],
        create: async (_service, servers: readonly RealServer[]) => {
          balancer.call('createServers');
          return put(balancer, servers);
        },
        update: async (_service, servers: readonly RealServer[]) => {
          balancer.call('updateServers');
          return put(balancer, servers);
        },
        delete: async (_service, servers, pass) => {
          balancer.call('deleteServers');
          const gone = servers.filter(({ podName }) => !balancer.draining.has(podName ?? ''));
          for (const { id } of gone) balancer.servers.delete(id);
          if (gone.length < servers.length) pass.recheckAfter(50);
          return { succeeded: gone };
        },
      },
    },
    ...more,
  };
}

function put(balancer: DemoBalancer, servers: readonly RealServer[]) {
  const failed = servers.filter(({ podName }) => balancer.refused.has(podName ?? ''));
  const succeeded = servers.filter((server) => !failed.includes(server));
  for (const server of succeeded) balancer.servers.set(server.id, server);
  return { succeeded, failed };
}

function vipOf({ metadata }: Service): string {
  return `vip-${metadata.name}`;
}

function realServerFor(pod: Pod): RealServer {
  const trafficOn = isLifecycleReady(pod);
  const { name = '' } = pod.metadata;
  return { id: name, podName: name, ip: pod.status?.podIP ?? '', trafficOn, weight: trafficOn ? 100 : 0 };
}
