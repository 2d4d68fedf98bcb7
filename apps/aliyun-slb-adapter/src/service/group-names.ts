import type { Service } from '@kuperator/api';
import type { Group } from '../balancer/balancer.ts';
import { chosenGroupsOf } from './settings.ts';

/**
 * The port in the name that the cloud controller gives to a group of this Service: `k8s/<port>/<service>/<namespace>/<cluster>` for a CLB,
 * `k8s.<port>.<protocol>.<service>.<namespace>.<cluster>` for an NLB.
 * @returns undefined for a group of something else
 */
function portIn(name: string, { metadata }: Service): string | undefined {
  const bySlash = name.split('/');
  const byDot = name.split('.');
  const parts =
    bySlash.length === 5
      ? { prefix: bySlash[0], port: bySlash[1], service: bySlash[2], namespace: bySlash[3] }
      : byDot.length === 6
        ? { prefix: byDot[0], port: `${byDot[1]}/${byDot[2]}`, service: byDot[3], namespace: byDot[4] }
        : undefined;
  const isOurs = parts?.prefix === 'k8s' && parts.service === metadata.name && parts.namespace === metadata.namespace;
  return isOurs ? parts.port : undefined;
}

/**
 * The groups that send requests to a Service's Pods, by port. A Pod has traffic once it serves each port in at least one group: clusters
 * that share a load balancer have a group each.
 * @returns undefined if no group can be told to be the Service's: then every group counts
 */
export function groupsByPort(
  service: Service,
  groups: readonly Group[],
): ReadonlyMap<string, readonly Group[]> | undefined {
  const chosen = chosenGroupsOf(service);
  const named = groups.flatMap((group): [string, Group][] => {
    const port = chosen.has(group.id) ? group.id : portIn(group.name, service);
    return port === undefined ? [] : [[port, group]];
  });
  if (named.length === 0) return undefined;
  return new Map([...Map.groupBy(named, ([port]) => port)].map(([port, of]) => [port, of.map(([, group]) => group)]));
}
