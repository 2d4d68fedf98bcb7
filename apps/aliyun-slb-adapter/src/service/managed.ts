// Moves the backends of a Service itself: the half of the framework that owns records at a provider. A record is one Pod in one server group.
//
// Out of traffic: weight 0, so that no new request comes; the drain time begins when the EndpointSlices do not list the Pod either, since clients
// inside the cluster reach it through kube-proxy; then the server is removed; a later read that no longer has it says "off". Into traffic: added with weight 0, and given its weight once the load balancer has seen it healthy.
// Each step is decided from what the load balancer shows, so a step that was done twice, or of which the answer was lost, does no harm.
// Only servers with our description are touched.

import { isTerminating, type Key, keyOf, type Pod, type Service } from '@kuperator/api';
import {
  type AdapterPass,
  type Backend,
  type EmployeeRecord,
  isLifecycleReady,
  type Provider,
  type TrafficOf,
} from '@kuperator/resourceconsist';
import { type Clock, type KubeClient, TerminalError } from '@kuperator/runtime';
import { type Balancer, DEFAULT_GROUP, type Group, type Health, type Server, serverKey } from '../balancer/balancer.ts';
import type { BalancerReader } from '../balancer/reader.ts';
import type { BalancerWriter } from '../balancer/writer.ts';
import { CloudError } from '../cloud/errors.ts';
import type { NetworkInterfaces } from '../cloud/network-interfaces.ts';
import { descriptionFor } from './description.ts';
import { Elapsed } from './elapsed.ts';
import { allPlaces, type Place, placeKey, places, wantedPlaces } from './places.ts';
import {
  DEFAULT_DRAIN_MS,
  INVALID_ANNOTATION,
  type ManagedSettings,
  REMOVE_LAST,
  type SlbSettings,
  settingsOf,
} from './settings.ts';

/** A Pod in a server group. */
export type BackendRecord = EmployeeRecord & {
  readonly place: Place;
  readonly server: Server;
  /** Of an existing server. */
  readonly health?: Health;
  /** The Pod of an existing server, if there still is one. */
  readonly pod?: Pod | undefined;
};

export type ManagedDeps = {
  readonly client: Pick<KubeClient, 'patch'>;
  readonly reader: BalancerReader;
  readonly balancers: Readonly<Record<'clb' | 'nlb', Balancer>>;
  readonly writers: Readonly<Record<'clb' | 'nlb', BalancerWriter>>;
  readonly interfaces: NetworkInterfaces;
  /** What the EndpointSlices of a Service say of its Pods. */
  readonly trafficBySlices: (service: Key) => TrafficOf;
  /** Name of this cluster: several clusters may share a server group. */
  readonly cluster: string;
  readonly clock: Clock;
};

/** A server that stays unhealthy or unchecked without weight gets its weight after this time: the load balancer itself sends nothing to it. */
const HEALTH_WAIT_MS = 60_000;
const LOOK_AGAIN_MS = 500;

export function slbBackend(deps: ManagedDeps): Backend<Service> {
  const employees = new BackendServers(deps);
  return {
    employer: places({ client: deps.client, isEmpty: (service, place) => employees.isEmpty(service, place) }),
    employees,
  };
}

/** What a read of a place has shown. */
type PlaceState = { readonly servers: readonly Server[]; readonly healthOf: (server: Server) => Health };
/** `isWanted`: the Service wanted servers there when it was read, so a write of an earlier pass may still add one. */
type SeenPlace = PlaceState & { readonly isWanted: boolean };

class BackendServers implements Provider<Service, BackendRecord> {
  readonly #deps: ManagedDeps;
  readonly #drains: Elapsed;
  readonly #unhealthy: Elapsed;
  /** What the last pass has seen of each Service's places: its own servers, and those of others. */
  readonly #seen = new Map<Key, ReadonlyMap<string, SeenPlace>>();

  constructor(deps: ManagedDeps) {
    this.#deps = deps;
    this.#drains = new Elapsed(deps.clock);
    this.#unhealthy = new Elapsed(deps.clock);
  }

  isEmpty(service: Service, place: Place): boolean {
    const seen = this.#seen.get(keyOf(service))?.get(placeKey(place));
    const description = descriptionFor(this.#deps.cluster, service);
    return seen !== undefined && !seen.isWanted && seen.servers.every((server) => server.description !== description);
  }

  async expected(service: Service, pods: readonly Pod[], pass: AdapterPass): Promise<readonly BackendRecord[]> {
    const { managed } = managedSettings(service);
    const places = wantedPlaces(service);
    const ready = pods.filter((pod) => isLifecycleReady(pod) && pod.status?.podIP);
    const ids = await this.#interfacesOf(ready, places[0]?.loadBalancer ?? '', pass);
    const description = descriptionFor(this.#deps.cluster, service);
    return places.flatMap(({ targetPort, ...place }) =>
      ready.flatMap((pod): BackendRecord[] => {
        const ip = pod.status?.podIP ?? '';
        const serverId = ids.get(ip);
        const port = place.group === DEFAULT_GROUP ? undefined : portOf(pod, targetPort);
        if (serverId === undefined || (port === undefined && place.group !== DEFAULT_GROUP)) return [];
        const server: Server = {
          serverId,
          ip,
          port,
          weight: managed.weight,
          type: 'eni',
          description,
          isChanging: false,
        };
        return [recordOf(place, server, { podName: pod.metadata.name })];
      }),
    );
  }

  async current(service: Service, pods: readonly Pod[], pass: AdapterPass): Promise<readonly BackendRecord[]> {
    const wanted = new Set(isTerminating(service) ? [] : wantedPlaces(service).map(placeKey));
    const seen = new Map<string, SeenPlace>();
    const description = descriptionFor(this.#deps.cluster, service);
    const podsByIp = new Map(pods.map((pod) => [pod.status?.podIP, pod]));
    const found = await Promise.all(
      [...Map.groupBy(allPlaces(service), ({ product, loadBalancer }) => `${product}/${loadBalancer}`).values()].map(
        async (places) => {
          const isWanted = places.some((place) => wanted.has(placeKey(place)));
          return this.#read(places, pass).catch((error: unknown) => {
            // Nothing is left at a load balancer that no longer exists. One that is wanted may only be named or configured wrongly.
            if (!(error instanceof CloudError) || error.kind !== 'gone' || isWanted) throw error;
            return places.map((place) => [place, { servers: [], healthOf: () => 'unknown' as const }] as const);
          });
        },
      ),
    );
    for (const [place, state] of found.flat()) {
      seen.set(placeKey(place), { ...state, isWanted: wanted.has(placeKey(place)) });
    }
    this.#seen.set(keyOf(service), seen);
    return found.flat().flatMap(([place, { servers, healthOf }]) =>
      servers
        .filter((server) => server.description === description)
        .map((server) => {
          const pod = podsByIp.get(server.ip);
          return recordOf(place, server, { podName: pod?.metadata.name, health: healthOf(server), pod });
        }),
    );
  }

  equal(expected: BackendRecord, current: BackendRecord): boolean {
    if (current.server.isChanging || current.server.weight !== expected.server.weight) return false;
    this.#unhealthy.forget(current.id);
    this.#drains.forget(current.id);
    return current.health !== 'abnormal';
  }

  /** Nothing counts as done before a read shows it. */
  async create(service: Service, items: readonly BackendRecord[], pass: AdapterPass) {
    const foreign = items.filter((item) => this.#serverNow(service, item) !== undefined);
    if (foreign.length > 0) {
      const shown = foreign.slice(0, 3).map(({ place, server }) => `${server.ip}:${server.port} in ${place.group}`);
      pass.warn('ForeignBackend', `somebody else has added ${shown.join(', ')}: the adapter leaves it alone`);
    }
    const own = items.filter((item) => !foreign.includes(item));
    const weightless = own.map((item) =>
      this.#deps.balancers[item.place.product].checksWeightless ? withWeight(item, 0) : item,
    );
    await this.#write('add', weightless, pass);
    pass.recheckAfter(LOOK_AGAIN_MS);
    return { succeeded: [], failed: foreign };
  }

  /** `items` are as they should be. A server is given its weight once it is healthy. */
  async update(service: Service, items: readonly BackendRecord[], pass: AdapterPass) {
    const due = items.filter((item) => {
      const now = this.#serverNow(service, item);
      if (!now || now.isChanging || now.weight === item.server.weight) return false;
      if (now.weight > 0 || !this.#deps.balancers[item.place.product].checksWeightless) return true;
      const health = this.#seen.get(keyOf(service))?.get(placeKey(item.place))?.healthOf(now);
      return health === 'normal' || this.#unhealthy.sinceMs(item.id) >= HEALTH_WAIT_MS;
    });
    await this.#write('weigh', due, pass);
    pass.recheckAfter(LOOK_AGAIN_MS);
    return { succeeded: [] };
  }

  /** `items` are as they are: each loses its weight, drains, and is removed. */
  async delete(service: Service, items: readonly BackendRecord[], pass: AdapterPass) {
    const { managed } = managedSettings(service);
    const movable = items.filter(({ server }) => !server.isChanging);
    const kept = this.#lastOfGroups(service, movable, pass);
    const leaving = movable.filter((item) => !kept.has(item));
    const weighted = leaving.filter(({ server }) => server.weight > 0);
    // It may have drained before, and got its weight back.
    for (const { id } of weighted) this.#drains.forget(id);
    await this.#write(
      'weigh',
      weighted.map((item) => withWeight(item, 0)),
      pass,
    );
    const bySlices = this.#deps.trafficBySlices(keyOf(service));
    // A Pod that stays ready loses only its place, for example because the Service goes, whose slices list the Pod until the end.
    const mayDrain = (pod: Pod | undefined) => pod === undefined || isLifecycleReady(pod) || bySlices(pod) === 'off';
    // Counted from the first pass that has seen it without traffic: after a restart the whole time passes again.
    const draining = leaving
      .filter(({ server, pod }) => server.weight === 0 && mayDrain(pod))
      .map((item) => ({ item, leftMs: managed.drainMs - this.#drains.sinceMs(item.id) }));
    const drained = draining.filter(({ leftMs }) => leftMs <= 0).map(({ item }) => item);
    await this.#write('remove', drained, pass);
    for (const { id } of drained) this.#drains.forget(id);
    const next = Math.min(...draining.filter(({ leftMs }) => leftMs > 0).map(({ leftMs }) => leftMs));
    if (Number.isFinite(next)) pass.recheckAfter(Math.ceil(next));
    if (weighted.length + drained.length > 0) pass.recheckAfter(LOOK_AGAIN_MS);
    return { succeeded: [] };
  }

  async #interfacesOf(ready: readonly Pod[], queue: string, pass: AdapterPass): Promise<ReadonlyMap<string, string>> {
    const addresses = ready.map((pod) => ({ uid: pod.metadata.uid ?? '', ip: pod.status?.podIP ?? '' }));
    const ids = await this.#deps.interfaces.idsOf(addresses, { queue, signal: pass.signal });
    const missing = ready.filter((pod) => !ids.has(pod.status?.podIP ?? ''));
    if (missing.length > 0) {
      const names = missing.slice(0, 3).map(({ metadata }) => metadata.name);
      pass.warn(
        'NoNetworkInterface',
        `no network interface of the region has the address of ${missing.length} Pods, among them ${names.join(', ')}: only Pods with an address of the VPC can be servers of a load balancer`,
      );
    }
    return ids;
  }

  /** Reads places of one load balancer. */
  async #read(places: readonly Place[], { signal }: AdapterPass): Promise<readonly (readonly [Place, PlaceState])[]> {
    const [{ product, loadBalancer }] = places as readonly [Place];
    const { reader, balancers } = this.#deps;
    const call = { loadBalancer, signal };
    const balancer = balancers[product];
    const known = await reader.groups(balancer, call);
    const groups = places.map(
      ({ group }) => known.find(({ id }) => id === group) ?? { id: group, name: '', listeners: [] },
    );
    const [states, health] = await Promise.all([
      reader.states(balancer, groups, call),
      reader.health(balancer, groups, call),
    ]);
    return places.map((place, index) => {
      const group = groups[index] as Group;
      const servers = states.get(group)?.servers ?? [];
      // Without a listener nobody checks the servers, and nobody sends requests to them.
      const healthOf = (server: Server): Health => (group.listeners.length === 0 ? 'normal' : health(group, server));
      return [place, { servers, healthOf }] as const;
    });
  }

  #serverNow(service: Service, { place, server }: BackendRecord): Server | undefined {
    const seen = this.#seen.get(keyOf(service))?.get(placeKey(place));
    return seen?.servers.find((other) => serverKey(other) === serverKey(server));
  }

  async #write(verb: keyof BalancerWriter, items: readonly BackendRecord[], { signal }: AdapterPass): Promise<void> {
    for (const of of Map.groupBy(items, ({ place }) => placeKey(place)).values()) {
      const [{ place }] = of as [BackendRecord];
      const call = { loadBalancer: place.loadBalancer, signal };
      const servers = of.map(({ server }) => server);
      await this.#deps.writers[place.product][verb](place.group, servers, call);
    }
  }

  /** Servers that stay because no other one of their group would get requests, unless the Service goes or says otherwise. */
  #lastOfGroups(service: Service, items: readonly BackendRecord[], pass: AdapterPass): ReadonlySet<BackendRecord> {
    const kept = new Set<BackendRecord>();
    if (managedSettings(service).managed.removesLast || isTerminating(service)) return kept;
    const wanted = new Set(wantedPlaces(service).map(placeKey));
    for (const [key, of] of Map.groupBy(items, ({ place }) => placeKey(place))) {
      const going = new Set(of.map(({ server }) => serverKey(server)));
      const seen = this.#seen.get(keyOf(service))?.get(key);
      const others = (seen?.servers ?? []).filter(
        (server) => server.weight > 0 && !going.has(serverKey(server)) && seen?.healthOf(server) !== 'abnormal',
      );
      // A server whose Pod has gone serves nobody.
      const last = of.find(({ server, health, pod }) => pod && server.weight > 0 && health !== 'abnormal');
      if (!wanted.has(key) || others.length > 0 || !last) continue;
      kept.add(last);
      pass.warn(
        'LastBackendKept',
        `${last.podName ?? last.server.ip} is the last healthy server of group ${last.place.group} that gets requests, so it stays: start another Pod first, or set annotation ${REMOVE_LAST} to "true"`,
      );
    }
    return kept;
  }
}

function withWeight(item: BackendRecord, weight: number): BackendRecord {
  return { ...item, server: { ...item.server, weight } };
}

function managedSettings(service: Service): { readonly settings: SlbSettings; readonly managed: ManagedSettings } {
  const { settings, problems } = settingsOf(service);
  const problem = problems.find(({ reason }) => reason === INVALID_ANNOTATION);
  // What a Service that goes says no longer matters.
  if (problem && !isTerminating(service)) throw new TerminalError(problem.message);
  // A Service that is no longer managed: its servers go.
  return {
    settings,
    managed: settings.managed ?? { groups: [], drainMs: DEFAULT_DRAIN_MS, weight: 0, removesLast: true },
  };
}

function recordOf(
  { product, loadBalancer, group }: Place,
  server: Server,
  more: Pick<BackendRecord, 'podName' | 'health' | 'pod'>,
): BackendRecord {
  const place = { product, loadBalancer, group };
  return { id: `${placeKey(place)}/${serverKey(server)}`, place, server, ...more };
}

function portOf({ spec }: Pod, targetPort: number | string): number | undefined {
  if (typeof targetPort === 'number') return targetPort;
  const ports = spec.containers.flatMap(
    (container) => (container.ports ?? []) as { name?: string; containerPort?: number }[],
  );
  return ports.find(({ name }) => name === targetPort)?.containerPort;
}
