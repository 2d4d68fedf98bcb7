import type { AccessKey } from '../api/authentication.ts';
import type { Fault } from '../api/faults.ts';
import { type CountedCall, highestRate, type RateLimit } from '../api/rate-limits.ts';
import type { BalancerProduct, Product } from '../api/request.ts';
import type { Service } from '../service.ts';
import { addGroup, addListener, addLoadBalancer, newBackend } from '../world/additions.ts';
import { removeLoadBalancer } from '../world/jobs.ts';
import type { SlbSettings } from '../world/settings.ts';
import { type Backend, type BackendKey, type Group, isSameBackend, type State, type Tag } from '../world/state.ts';
import type { BackendHealth, HealthRule, World } from '../world/world.ts';

/** Which calls are meant; what is left out is not compared. */
export type CallFilter = { product?: Product; action?: string; code?: string };

/** What a test does to the server beside its API: set up, disturb, and look. Nothing here is signed, limited, or delayed. */
export class Control {
  readonly #world: World;
  readonly #service: Service;

  constructor(world: World, service: Service) {
    this.#world = world;
    this.#service = service;
  }

  /** @returns the id of the new instance */
  createLoadBalancer(
    given: { product?: BalancerProduct; id?: string; name?: string; regionId?: string; tags?: Tag[] } = {},
  ): string {
    const { product = 'Slb', name = '', regionId = 'cn-hangzhou', tags = [] } = given;
    const id = given.id === undefined ? {} : { id: given.id };
    return this.#world.change((state) => addLoadBalancer(this.#world, state, { ...id, product, name, regionId, tags }))
      .id;
  }

  /** @returns the id of the new vServer group of a CLB instance */
  createVServerGroup(given: {
    loadBalancerId: string;
    name: string;
    id?: string;
    backends?: readonly GivenBackend[];
  }): string {
    return this.#createGroup(given);
  }

  /** @returns the id of the new server group of NLB; a listener connects it with an instance */
  createServerGroup(given: { name: string; id?: string; backends?: readonly GivenBackend[]; tags?: Tag[] }): string {
    return this.#createGroup(given);
  }

  /** @returns the id of the new listener, which runs; CLB has no such id in its API */
  createListener(given: {
    loadBalancerId: string;
    port: number;
    groupId: string;
    protocol?: string;
    description?: string;
    isHealthChecked?: boolean;
  }): string {
    return this.#world.change((state) => addListener(this.#world, state, given)).id;
  }

  /** Changes the backends of a group as another user of the account would, at once. */
  addBackends(groupId: string, backends: readonly GivenBackend[]): void {
    this.#changeGroup(groupId, (group) => {
      group.backends.push(...backends.map((each) => newBackend(this.#world, each)));
    });
  }

  removeBackends(groupId: string, keys: readonly BackendKey[]): void {
    this.#changeGroup(groupId, (group) => {
      group.backends = group.backends.filter((backend) => !keys.some((key) => isSameBackend(backend, key)));
    });
  }

  setWeight(groupId: string, key: BackendKey, weight: number): void {
    this.#changeGroup(groupId, (group) => {
      for (const backend of group.backends) if (isSameBackend(backend, key)) backend.weight = weight;
    });
  }

  /** Deletes an instance with its listeners and its vServer groups, as a user in the vendor's console would. */
  deleteLoadBalancer(id: string): void {
    this.#world.change((state) => removeLoadBalancer(state, id));
  }

  deleteGroup(id: string): void {
    this.#world.change((state) => state.groups.delete(id));
  }

  /** The health of all backends that `rule` names, until {@link clearHealth}; later rules come first. */
  setHealth(rule: HealthRule): void {
    this.#world.healthRules.push(rule);
  }

  clearHealth(): void {
    this.#world.healthRules.length = 0;
  }

  /** Sets which network interface has an address of a Pod; undefined: none. By default each address has one of its own. */
  setNetworkInterface(address: string, id: string | undefined): void {
    this.#world.interfaces.set(address, id);
  }

  injectFault(fault: Fault): void {
    this.#service.faults.inject(fault);
  }

  clearFaults(): void {
    this.#service.faults.clear();
  }

  /** Changes how the server behaves from now on. */
  set(settings: Partial<SlbSettings>): void {
    this.#world.settings = { ...this.#world.settings, ...settings };
  }

  /** Sets the limit of an action, for example `Slb.SetVServerGroupAttribute`; undefined turns it off. */
  setRateLimit(action: string, limit: RateLimit | undefined): void {
    this.#service.meter.limits.set(action, limit);
  }

  /** Moves the time of the model: windows, jobs, health, lag and limits; not that of signatures. */
  advance(ms: number): void {
    this.#world.advance(ms);
  }

  /** Sets by how much the clock that dates of signatures are compared with is ahead. */
  skewClock(ms: number): void {
    this.#service.clockSkewMs = ms;
  }

  addAccessKey(key: AccessKey): void {
    this.#service.authentication.keys.set(key.accessKeyId, key);
  }

  removeAccessKey(accessKeyId: string): void {
    this.#service.authentication.keys.delete(accessKeyId);
  }

  /** A copy of the present state, whatever the lag of reads. */
  readState(): State {
    return structuredClone(this.#world.state());
  }

  /** A copy of one group. @throws Error if there is none */
  readGroup(id: string): Group {
    const group = this.#world.state().groups.get(id);
    if (!group) throw new Error(`no group ${id}`);
    return structuredClone(group);
  }

  /** The health of every backend of a listener. */
  readHealth(listenerId: string): readonly { backend: Backend; health: BackendHealth }[] {
    const state = this.#world.state();
    const listener = state.listeners.get(listenerId);
    const backends = state.groups.get(listener?.groupId ?? '')?.backends ?? [];
    if (!listener) throw new Error(`no listener ${listenerId}`);
    return backends.map((backend) => ({
      backend: structuredClone(backend),
      health: this.#world.healthOf(backend, listener),
    }));
  }

  /** The calls whose signature was good, in their order. */
  calls(filter: CallFilter = {}): readonly CountedCall[] {
    return this.#service.meter.calls.filter(
      (call) =>
        (filter.product ?? call.product) === call.product &&
        (filter.action ?? call.action) === call.action &&
        (filter.code ?? call.code) === call.code,
    );
  }

  /** How many calls each action had, by `<product>.<action>`. */
  countCalls(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { product, action } of this.#service.meter.calls) {
      counts.set(`${product}.${action}`, (counts.get(`${product}.${action}`) ?? 0) + 1);
    }
    return counts;
  }

  /** The highest number of calls in any period of `windowMs`. */
  highestRate(filter: CallFilter, windowMs: number): number {
    return highestRate(this.calls(filter), windowMs);
  }

  forgetCalls(): void {
    this.#service.meter.calls.length = 0;
  }

  #createGroup(given: Parameters<typeof addGroup>[2] & { backends?: readonly GivenBackend[] }): string {
    const { backends = [], ...rest } = given;
    return this.#world.change((state) => {
      const group = addGroup(this.#world, state, rest);
      group.backends = backends.map((each) => newBackend(this.#world, each));
      return group.id;
    });
  }

  #changeGroup(id: string, change: (group: Group) => void): void {
    this.#world.change((state) => {
      const group = state.groups.get(id);
      if (!group) throw new Error(`no group ${id}`);
      change(group);
    });
  }
}

/** A backend; the defaults are weight 100 and type `eni`. */
export type GivenBackend = Pick<Backend, 'serverId' | 'port'> & Partial<Backend>;
