import type { Control } from '@kuperator/aliyun-slb-server';
import { ENDPOINT_SLICES, type EndpointSlice } from '@kuperator/api';
import { createLogger, Informer, type KubeClient } from '@kuperator/runtime';

const SERVICE_NAME = 'kubernetes.io/service-name';
/** From a change of the slices to that of the backends. */
const REACTION_MS = 1000;

/**
 * Moves the backends of Services that share a load balancer, as Alibaba Cloud's controller does, but without calls of the API: so all calls
 * that are counted are the adapter's.
 */
export async function startCloudController(
  client: KubeClient,
  control: Control,
  groups: ReadonlyMap<string, string>,
): Promise<{ stop(): Promise<void> }> {
  const logger = createLogger({ app: 'bench', level: 'error' });
  const slices = new Informer({ client, resource: ENDPOINT_SLICES, logger });
  const timers = new Map<string, NodeJS.Timeout>();
  const sync = (service: string, group: string) => {
    timers.delete(service);
    const ready = new Set(
      slices
        .list()
        .filter((slice) => serviceOf(slice) === service)
        .flatMap(readyAddresses),
    );
    const present = control.readGroup(group).backends;
    control.removeBackends(
      group,
      present.filter(({ serverIp }) => !ready.has(serverIp)),
    );
    const known = new Set(present.map(({ serverIp }) => serverIp));
    const added = [...ready].filter((ip) => !known.has(ip));
    control.addBackends(
      group,
      added.map((ip) => ({ serverId: `eni-${ip}`, serverIp: ip, port: 80 })),
    );
  };
  slices.onChange(({ object }) => {
    const service = serviceOf(object);
    const group = groups.get(service);
    if (group === undefined || timers.has(service)) return;
    timers.set(
      service,
      setTimeout(() => sync(service, group), REACTION_MS),
    );
  });
  slices.start();
  await slices.waitForSync();
  return {
    async stop() {
      for (const timer of timers.values()) clearTimeout(timer);
      await slices.stop();
    },
  };
}

function serviceOf({ metadata }: EndpointSlice): string {
  return new Map(Object.entries(metadata.labels ?? {})).get(SERVICE_NAME) ?? '';
}

function readyAddresses({ endpoints }: EndpointSlice): readonly string[] {
  return (endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses }) => addresses);
}
