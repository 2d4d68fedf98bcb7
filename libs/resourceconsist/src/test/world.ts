import {
  CONTROL_LABEL,
  type Key,
  type KubeObject,
  PODS,
  type Pod,
  SERVICE_READY_GATE,
  SERVICES,
  type Service,
} from '@kuperator/api';
import { type Controller, createLogger, createMetrics, sightOf } from '@kuperator/runtime';
import { FakeClock, type FakeInformer, InMemoryCluster } from '@kuperator/testing';
import { type Adapter, SERVICE_EMPLOYERS } from '../adapter.ts';
import { type ResourceConsistOptions, resourceConsistController } from '../controller.ts';
import { employeePodOptions, employerOptions } from '../employee-pods.ts';
import { HeldTraffic } from '../held-traffic.ts';
import type { TrafficChange } from '../pod-writer.ts';
import { aPod, aService, type PodOptions } from './objects.ts';

/** One adapter's controller on an in-memory cluster, with a clock that the test moves. */
export class World {
  readonly clock = new FakeClock();
  readonly cluster = new InMemoryCluster({ clock: this.clock });
  readonly pods: FakeInformer<Pod> = this.cluster.informer(PODS, employeePodOptions(SERVICE_EMPLOYERS));
  readonly services: FakeInformer<Service> = this.cluster.informer(SERVICES, employerOptions(SERVICE_EMPLOYERS));
  readonly traffic: TrafficChange[] = [];
  /** `<type> <reason>: <message>` of every Event on an employer. */
  readonly events: string[] = [];
  readonly heldTraffic = new HeldTraffic(this.clock);
  readonly controller: Controller;

  constructor(adapter: Adapter, options: Pick<ResourceConsistOptions<Service>, 'hold' | 'backoff'> = {}) {
    const record = (type: string) => (_object: KubeObject, reason: string, message: string) => {
      this.events.push(`${type} ${reason}: ${message}`);
    };
    this.controller = resourceConsistController({
      adapter,
      client: this.cluster.client,
      employers: this.services,
      pods: this.pods,
      recorder: { normal: record('Normal'), warn: record('Warning') },
      logger: createLogger({ app: 'test', level: 'silent' }),
      metrics: createMetrics('test', { processMetrics: false }),
      clock: this.clock,
      onTraffic: (change) => this.traffic.push(change),
      heldTraffic: this.heldTraffic,
      sight: sightOf([this.services, this.pods]),
      ...options,
    });
    this.controller.start();
  }

  /** Lets everything happen that events and the next `ms` bring. */
  async rest(ms = 200): Promise<void> {
    for (let step = 0; step < 20; step++) await this.clock.advanceAsync(ms / 20);
  }

  addService(options: Parameters<typeof aService>[0] = {}): void {
    this.cluster.add(SERVICES, aService(options));
  }

  addPod(options: PodOptions = {}): void {
    this.cluster.add(PODS, aPod(options));
  }

  pod(name = 'a'): Pod {
    const pod = this.cluster.get(PODS, `default/${name}`);
    if (!pod) throw new Error(`no Pod ${name}`);
    return pod;
  }

  hasPod(name = 'a'): boolean {
    return this.cluster.get(PODS, `default/${name}`) !== undefined;
  }

  service(name = 'nginx'): Service | undefined {
    return this.cluster.get(SERVICES, `default/${name}`);
  }

  /** What the kubelet and the coordinator do when a Pod goes out of service or comes back. */
  setReady(ready: boolean, name = 'a'): void {
    const status = ready ? ('True' as const) : ('False' as const);
    this.cluster.change(PODS, `default/${name}`, (pod) => ({
      ...pod,
      status: {
        ...pod.status,
        conditions: [
          { type: 'Ready', status },
          { type: SERVICE_READY_GATE, status },
        ],
      },
    }));
  }

  relabel(labels: Record<string, string>, name = 'a'): void {
    this.cluster.change(PODS, `default/${name}`, (pod) => ({
      ...pod,
      metadata: { ...pod.metadata, labels: { [CONTROL_LABEL]: 'true', ...labels } },
    }));
  }

  changeService(change: (service: Service) => Service, name = 'nginx'): void {
    this.cluster.change(SERVICES, `default/${name}`, change);
  }

  /** `kubectl delete`, and for a Pod the kubelet's end of it. */
  async delete(kind: 'Pod' | 'Service', name: string): Promise<void> {
    const key: Key = `default/${name}`;
    const [resource, ref] = [kind === 'Pod' ? PODS : SERVICES, { namespace: 'default', name }];
    await this.cluster.client.delete(resource as typeof PODS, ref, { gracePeriodSeconds: 0 });
    await this.rest();
    if (kind === 'Pod' && this.hasPod(name)) this.cluster.finishTermination(PODS, key);
  }

  /** Patches of Pods so far, without those the test itself made. */
  get podWrites(): number {
    return this.cluster.writes.filter(({ verb, resource }) => verb === 'patch' && resource === 'pods').length;
  }
}
