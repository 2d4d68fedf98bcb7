// The network load balancer. Its API is asynchronous: a write starts a job.
import { type Clock, sleep } from '@kuperator/runtime';
import type { CloudApi, Parameters } from '../cloud/api.ts';
import { CloudError } from '../cloud/errors.ts';
import {
  type Balancer,
  type BalancerCall,
  type Group,
  type Health,
  type HealthOf,
  listIn,
  type Server,
} from './balancer.ts';

type NlbServer = {
  ServerId?: string;
  ServerIp?: string;
  ServerType?: string;
  Port?: number;
  Weight?: number;
  Description?: string;
  Status?: string;
};
type Page = { NextToken?: string };
type ServerPage = Page & { Servers?: NlbServer[] };
type ListenerPage = Page & { Listeners?: { ListenerId?: string; ServerGroupId?: string }[] };
type GroupPage = Page & { ServerGroups?: { ServerGroupId?: string; ServerGroupName?: string }[] };
type NonNormal = { ServerId?: string; ServerIp?: string; Port?: number; Status?: string };
type HealthPage = Page & {
  ListenerHealthStatus?: {
    // Without the second "l", as the API spells it.
    ServerGroupInfos?: { ServerGroupId?: string; HeathCheckEnabled?: boolean; NonNormalServers?: NonNormal[] }[];
  }[];
};
type Job = { JobId?: string };
type JobStatus = { Status?: string };

const PAGE_SIZE = 100;
/** As the cloud controller asks for the state of jobs. */
const JOB_POLL_MS = 1200;
const JOB_TIMEOUT_MS = 60_000;

export function networkLoadBalancer(api: Pick<CloudApi, 'call'>, clock: Clock): Balancer {
  return new NetworkLoadBalancer(api, clock);
}

class NetworkLoadBalancer implements Balancer {
  readonly product = 'nlb';
  /** A server without weight is shown as "Unused". */
  readonly checksWeightless = false;
  readonly #api: Pick<CloudApi, 'call'>;
  readonly #clock: Clock;

  constructor(api: Pick<CloudApi, 'call'>, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  async groups(of: BalancerCall): Promise<readonly Group[]> {
    const [listeners, groups] = await Promise.all([
      this.#pages<ListenerPage>('ListListeners', { 'LoadBalancerIds.1': of.loadBalancer }, of),
      // Of the whole region: the API finds groups by name or id alone.
      this.#pages<GroupPage>('ListServerGroups', {}, of),
    ]);
    const names = new Map(
      groups.flatMap((page) => listIn(page.ServerGroups)).map((group) => [group.ServerGroupId, group.ServerGroupName]),
    );
    const used = Map.groupBy(
      listeners.flatMap((page) => listIn(page.Listeners)),
      ({ ServerGroupId }) => ServerGroupId ?? '',
    );
    return [...used].map(([id, those]) => ({
      id,
      name: names.get(id) ?? '',
      listeners: those.map(({ ListenerId = '' }) => ListenerId),
    }));
  }

  async servers(group: string, of: BalancerCall): Promise<readonly Server[]> {
    const found = await this.#pages<ServerPage>('ListServerGroupServers', { ServerGroupId: group }, of);
    return found.flatMap((page) => listIn(page.Servers)).map(serverOf);
  }

  async health(groups: readonly Group[], of: BalancerCall): Promise<HealthOf> {
    const listeners = [...new Set(groups.flatMap((group) => group.listeners))];
    const found = await Promise.all(
      listeners.map((id) => this.#pages<HealthPage>('GetListenerHealthStatus', { ListenerId: id }, of)),
    );
    return healthIn(found.flat());
  }

  add(group: string, servers: readonly Server[], of: BalancerCall): Promise<void> {
    const parameters = { ServerGroupId: group, ...serversAs(servers, ['Weight', 'Description']) };
    return this.#write('AddServersToServerGroup', parameters, of);
  }

  weigh(group: string, servers: readonly Server[], of: BalancerCall): Promise<void> {
    const parameters = { ServerGroupId: group, ...serversAs(servers, ['Weight', 'Description']) };
    return this.#write('UpdateServerGroupServersAttribute', parameters, of);
  }

  remove(group: string, servers: readonly Server[], of: BalancerCall): Promise<void> {
    const parameters = { ServerGroupId: group, ...serversAs(servers, []) };
    return this.#write('RemoveServersFromServerGroup', parameters, of);
  }

  #call<T extends object>(action: string, parameters: Parameters, { loadBalancer, signal }: BalancerCall): Promise<T> {
    return this.#api.call<T>({ product: 'Nlb', action, parameters }, { queue: loadBalancer, signal });
  }

  async #pages<T extends Page>(action: string, parameters: Parameters, of: BalancerCall): Promise<readonly T[]> {
    const found: T[] = [];
    for (let token: string | undefined, first = true; first || token; first = false) {
      const page = await this.#call<T>(action, { ...parameters, MaxResults: PAGE_SIZE, NextToken: token }, of);
      found.push(page);
      token = page.NextToken || undefined;
    }
    return found;
  }

  /** Starts a job, and follows it to its end. */
  async #write(action: string, parameters: Parameters, of: BalancerCall): Promise<void> {
    const { JobId } = await this.#call<Job>(action, parameters, of);
    if (!JobId) return;
    const deadline = this.#clock.monotonic() + JOB_TIMEOUT_MS;
    for (;;) {
      const { Status } = await this.#call<JobStatus>('GetJobStatus', { JobId }, of);
      if (Status === 'Succeeded') return;
      if (Status === 'Failed') throw new CloudError(`Nlb job ${JobId} failed`, { kind: 'refused', code: 'JobFailed' });
      if (this.#clock.monotonic() > deadline) {
        const message = `Nlb job ${JobId} is ${Status} after ${JOB_TIMEOUT_MS / 1000} s`;
        throw new CloudError(message, { kind: 'unclear', code: 'JobTimeout' });
      }
      await sleep(this.#clock, JOB_POLL_MS, of.signal);
    }
  }
}

function serverOf({
  ServerId = '',
  ServerIp,
  ServerType,
  Port,
  Weight = 0,
  Description = '',
  Status,
}: NlbServer): Server {
  const type = ServerType?.toLowerCase();
  return {
    serverId: ServerId,
    ip: ServerIp || undefined,
    port: Port,
    weight: Weight,
    type: type === 'eni' || type === 'eci' || type === 'ip' ? type : 'ecs',
    description: Description,
    // Adding, Removing (which includes the drain of its connections) or Configuring.
    isChanging: Status !== undefined && Status !== 'Available',
  };
}

const TYPES: Readonly<Record<Server['type'], string>> = { ecs: 'Ecs', eni: 'Eni', eci: 'Eci', ip: 'Ip' };

/** `Servers.1.ServerId=…` and so on. */
function serversAs(servers: readonly Server[], more: readonly ('Weight' | 'Description')[]): Parameters {
  return Object.fromEntries(
    servers.flatMap(({ serverId, ip, port, weight, type, description }, index) => {
      const values = {
        ServerId: serverId,
        ServerType: TYPES[type],
        ServerIp: type === 'ecs' ? undefined : ip,
        Port: port,
        Weight: more.includes('Weight') ? weight : undefined,
        Description: more.includes('Description') && description ? description : undefined,
      };
      return Object.entries(values).map(([name, value]) => [`Servers.${index + 1}.${name}`, value] as const);
    }),
  );
}

/** Only servers that are not normal are listed. */
function healthIn(pages: readonly HealthPage[]): HealthOf {
  const infos = pages
    .flatMap((page) => listIn(page.ListenerHealthStatus))
    .flatMap((listener) => listIn(listener.ServerGroupInfos));
  const byGroup = Map.groupBy(infos, ({ ServerGroupId }) => ServerGroupId ?? '');
  return (group, { serverId, ip, port }) => {
    const own = byGroup.get(group.id) ?? [];
    if (own.length === 0) return 'unknown';
    const statuses = own.map(({ HeathCheckEnabled, NonNormalServers }): Health => {
      if (HeathCheckEnabled === false) return 'normal';
      const entry = listIn(NonNormalServers).find(
        (server) => server.Port === port && (server.ServerIp ? server.ServerIp === ip : server.ServerId === serverId),
      );
      return entry === undefined ? 'normal' : entry.Status === 'Unhealthy' ? 'abnormal' : 'unknown';
    });
    return statuses.includes('abnormal') ? 'abnormal' : statuses.includes('unknown') ? 'unknown' : 'normal';
  };
}
