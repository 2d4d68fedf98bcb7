// Observes the backends that Alibaba Cloud's controller moves: when a Pod counts as out of traffic, and when as in.
//
// A Pod is out of traffic if no group of its Service has its address with a weight above 0. The read that says so starts after the pass
// has seen the Pod as not ready (FreshReads), so it cannot be from before the Pod was added. The cloud controller adds a
// Pod again only after the Pod has become ready, and then our write is refused, because it carries the version of the Pod that was
// not ready.
//
// Clients inside the cluster reach the Pods of the same Service through kube-proxy, so the EndpointSlices must not list the Pod either.
// A group whose servers are nodes (type ecs) does not say which Pods have traffic: kube-proxy sends the requests on. There, the slices decide alone.
//
// A load balancer that does not exist is no proof: with the wrong region or account every id is unknown. It counts only
// for a Service that is being deleted, since its controller deletes the load balancer.

import { hasLabels, isTerminal, isTerminating, type Key, keyOf, type Pod, type Service } from '@kuperator/api';
import {
  type AdapterPass,
  isLifecycleReady,
  lifecycleFinalizerFor,
  type Observer,
  type Traffic,
  type TrafficOf,
} from '@kuperator/resourceconsist';
import type { Balancer, Group, HealthOf, Server } from '../balancer/balancer.ts';
import type { BalancerReader, GroupState } from '../balancer/reader.ts';
import { CloudError } from '../cloud/errors.ts';
import type { Elapsed } from './elapsed.ts';
import { groupsByPort } from './group-names.ts';
import { INVALID_ANNOTATION, type SlbSettings, settingsOf } from './settings.ts';
import type { UncheckedServers } from './unchecked-servers.ts';

export type ObserverDeps = {
  readonly reader: BalancerReader;
  readonly balancers: Readonly<Record<'clb' | 'nlb', Balancer>>;
  /** What the EndpointSlices of a Service say of its Pods. */
  readonly trafficBySlices: (service: Key) => TrafficOf;
  readonly unchecked: UncheckedServers;
  /** How long the load balancer has not followed a Pod. */
  readonly lag: Elapsed;
  /** Whether the adapter may move the backends that a Service in mode `managed` names. */
  readonly mayManage: (service: Service) => boolean;
};

export function slbObserver(deps: ObserverDeps): Observer<Service> {
  return {
    async observe(service, pods, pass) {
      const { settings, problems } = settingsOf(service);
      for (const { reason, message } of problems) pass.warn(reason, message);
      if (settings.managed && !deps.mayManage(service)) {
        pass.warn(
          'LoadBalancerNotAllowed',
          `namespace ${service.metadata.namespace} may not manage load balancer ${settings.loadBalancer}, so its traffic is only observed: an administrator can add it to the setting ALIYUN_MANAGED_LOAD_BALANCERS of the adapter`,
        );
      }
      // What cannot be read may be about the load balancer to look at.
      if (problems.some(({ reason }) => reason === INVALID_ANNOTATION)) return () => 'changing';
      const waiting = pods.filter((pod) => isWaiting(service, pod));
      // Nothing is decided about the other Pods, so at rest the cloud is not called at all.
      if (waiting.length === 0) return () => 'changing';
      if (settings.loadBalancer === undefined) return withoutBalancer(service, pass);
      const seen = await read(deps, { service, settings, needsHealth: waiting.some(isLifecycleReady), pass });
      if (seen === undefined) return () => 'off';
      const answers = new Map(
        waiting.map((pod) => [pod.metadata.uid, trafficOf(deps, seen, { service, settings, pod })] as const),
      );
      warnOfLag(deps.lag, { service, waiting, answers, pass });
      return (pod) => answers.get(pod.metadata.uid) ?? 'changing';
    },
  };
}

/** Whether the Pod's finalizer has to follow its readiness still, or the Pod is no longer the Service's. */
function isWaiting({ metadata, spec }: Service, pod: Pod): boolean {
  const hasFinalizer = pod.metadata.finalizers?.includes(lifecycleFinalizerFor(metadata.name ?? '')) ?? false;
  const isSelected = hasLabels(spec.selector, pod.metadata.labels);
  return !isSelected || isLifecycleReady(pod) !== hasFinalizer;
}

/** The cloud controller follows within seconds. */
const LAG_MS = 60_000;

/** Warns if a load balancer does not follow its Pods: its controller may not run, or may not be able to change it. */
function warnOfLag(
  lag: Elapsed,
  {
    service,
    waiting,
    answers,
    pass,
  }: {
    readonly service: Service;
    readonly waiting: readonly Pod[];
    readonly answers: ReadonlyMap<string | undefined, Traffic>;
    readonly pass: AdapterPass;
  },
): void {
  const late = waiting.filter((pod) => {
    const wanted = isLifecycleReady(pod) ? 'on' : 'off';
    const id = (direction: string) => `${keyOf(service)}/${pod.metadata.uid}/${direction}`;
    lag.forget(id(wanted === 'on' ? 'off' : 'on'));
    if (answers.get(pod.metadata.uid) !== wanted) return lag.sinceMs(id(wanted)) >= LAG_MS;
    lag.forget(id(wanted));
    return false;
  });
  const [first] = late;
  if (!first) return;
  const state = isLifecycleReady(first) ? 'does not serve it yet, or not as healthy,' : 'still sends it requests';
  pass.warn(
    'LoadBalancerLags',
    `Pod ${first.metadata.name}${late.length > 1 ? ` and ${late.length - 1} more Pods wait` : ' waits'}: the load balancer ${state} after ${LAG_MS / 1000} s. Does the cloud-controller-manager run, and are its Events on the Service free of errors?`,
  );
}

/** The controller has not made the load balancer yet, or has removed it. Its id must be known as long as the Service has addresses. */
function withoutBalancer(service: Service, pass: AdapterPass): TrafficOf {
  const { ingress } = (service.status?.loadBalancer ?? {}) as { ingress?: unknown[] };
  if (!Array.isArray(ingress) || ingress.length === 0) return () => 'off';
  pass.warn(
    'NoLoadBalancerId',
    'the Service has the address of a load balancer, but neither a label nor an annotation names its id: the traffic of its Pods is unknown',
  );
  return () => 'changing';
}

type Question = {
  readonly service: Service;
  readonly settings: SlbSettings;
  readonly needsHealth: boolean;
  readonly pass: AdapterPass;
};
type Seen = {
  readonly states: ReadonlyMap<Group, GroupState>;
  readonly health: HealthOf | undefined;
  readonly byPort: ReturnType<typeof groupsByPort>;
};

async function read(deps: ObserverDeps, { service, settings, needsHealth, pass }: Question): Promise<Seen | undefined> {
  const call = { loadBalancer: settings.loadBalancer ?? '', signal: pass.signal };
  const balancer = deps.balancers[settings.product];
  try {
    const groups = await deps.reader.groups(balancer, call);
    const byPort = groupsByPort(service, groups);
    const relevant = byPort ? [...byPort.values()].flat() : groups;
    const [states, health] = await Promise.all([
      deps.reader.states(balancer, relevant, call),
      needsHealth ? deps.reader.health(balancer, relevant, call) : undefined,
    ]);
    return { states, health, byPort };
  } catch (error) {
    if (error instanceof CloudError && error.kind === 'gone' && isTerminating(service)) return undefined;
    throw error;
  }
}

function trafficOf(
  deps: ObserverDeps,
  { states, health, byPort }: Seen,
  { service, settings, pod }: { readonly service: Service; readonly settings: SlbSettings; readonly pod: Pod },
): Traffic {
  // The address of a Pod that has ended may already be another Pod's.
  if (isTerminal(pod)) return 'off';
  const ips = new Set([pod.status?.podIP, ...(pod.status?.podIPs ?? []).map(({ ip }) => ip)].filter(Boolean));
  const presences = [...states].map(([group, state]): readonly [Group, Traffic | 'unhealthy'] => [
    group,
    inGroup(deps, { group, state, ips, pod, service, settings, health }),
  ]);
  if (presences.some(([, presence]) => presence === 'changing')) return 'changing';
  const isOnIn = new Set(presences.flatMap(([group, presence]) => (presence === 'on' ? [group] : [])));
  const ports = byPort ? [...byPort.values()] : [[...states.keys()]];
  if (ports.length > 0 && ports.every((groups) => groups.some((group) => isOnIn.has(group)))) return 'on';
  const isOut = presences.every(([, presence]) => presence === 'off');
  return isOut && deps.trafficBySlices(keyOf(service))(pod) === 'off' ? 'off' : 'changing';
}

type GroupQuestion = {
  readonly group: Group;
  readonly state: GroupState;
  readonly ips: ReadonlySet<string | undefined>;
  readonly pod: Pod;
  readonly service: Service;
  readonly settings: SlbSettings;
  readonly health: HealthOf | undefined;
};

function inGroup(deps: ObserverDeps, question: GroupQuestion): Traffic | 'unhealthy' {
  const { state, ips, pod, service } = question;
  if (state.servers.length > 0 && state.servers.every(({ type }) => type === 'ecs')) {
    const bySlices = deps.trafficBySlices(keyOf(service))(pod);
    const isServed = state.servers.some((server) => server.weight > 0 && isHealthy(deps, question, server));
    return bySlices === 'on' && !isServed ? 'unhealthy' : bySlices;
  }
  const own = state.servers.filter(({ ip }) => ip !== undefined && ips.has(ip));
  if (own.some(({ isChanging }) => isChanging)) return 'changing';
  const active = own.filter(({ weight }) => weight > 0);
  if (active.length === 0) return 'off';
  return active.every((server) => isHealthy(deps, question, server)) ? 'on' : 'unhealthy';
}

/** Only asked about when a Pod comes into traffic: a server that gets requests has traffic, healthy or not. */
function isHealthy(deps: ObserverDeps, { group, settings, health }: GroupQuestion, server: Server): boolean {
  if (!health || !settings.hasHealthCheck) return true;
  const found = health(group, server);
  return found === 'normal' || deps.unchecked.isUnchecked({ settings, group, server, health: found });
}
