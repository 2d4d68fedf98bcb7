import {
  COLLA_SETS,
  COLLASET_OPERATION_ID,
  CONTROLLER_REVISIONS,
  type CollaSet,
  controllerOf,
  DELETE_OPERATION_TYPE,
  INSTANCE_ID_LABEL,
  isTerminal,
  isTerminating,
  keyOf,
  PERSISTENT_VOLUME_CLAIMS,
  POD_DELETE_OPERATION_ID,
  PODS,
  type Pod,
  RESOURCE_CONTEXTS,
  type ResourceContext,
  TO_DELETE_LABEL,
} from '@kuperator/api';
import type { KuperatorEvent } from '@kuperator/events';
import {
  applyLabels,
  beginOperation,
  hasOperation,
  isPermitted,
  type LabelChanges,
  operationsOf,
  podStateOf,
  settle,
} from '@kuperator/lifecycle';
import { ConflictError, createLogger, flattenErrors, type Reconcile, sightOf } from '@kuperator/runtime';
import { FakeClock, InMemoryCluster, settled } from '@kuperator/testing';
import type { Deps, Settings } from '../collaset/act/deps.ts';
import { claimCache, podCache, revisionCache, setCache } from '../collaset/caches.ts';
import { takesAway } from '../collaset/plan/leaving.ts';
import { collaSetReconciler } from '../collaset/reconcile.ts';
import { followed, provisioned, rejected } from './kubelet.ts';

const context = { logger: createLogger({ app: 'test', level: 'silent' }), signal: new AbortController().signal };

/** What the simulated nodes have room for. */
type Room = { shortage: string | undefined; fits: boolean | undefined };
const ROOMY: Room = { shortage: undefined, fits: true };

export type ReplicaOptions = {
  readonly cluster: InMemoryCluster;
  readonly clock: FakeClock;
  readonly settings?: Partial<Settings> | undefined;
  readonly room?: Room;
};

/** A replica of the operator, with its own caches and an empty memory. */
export class Replica {
  readonly caches;
  readonly events: KuperatorEvent[] = [];
  /** Reasons of the recorded Kubernetes Events, and of the warnings among them. */
  readonly told = new Set<string>();
  readonly warnings = new Set<string>();
  /** Every recorded Event as `reason: message`. */
  readonly notes: string[] = [];
  /** Must change if another replica may have reconciled the sets. */
  term = 0;
  /** Operators that are known not to run. */
  readonly stopped = new Set<string>();
  readonly #reconcile: Reconcile;

  constructor({ cluster, clock, settings = {}, room = ROOMY }: ReplicaOptions) {
    this.caches = {
      sets: cluster.informer(COLLA_SETS, setCache),
      pods: cluster.informer(PODS, podCache),
      revisions: cluster.informer(CONTROLLER_REVISIONS, revisionCache),
      contexts: cluster.informer(RESOURCE_CONTEXTS),
      claims: cluster.informer(PERSISTENT_VOLUME_CLAIMS, claimCache),
    };
    const deps: Deps = {
      ...this.caches,
      sight: sightOf([this.caches.sets, this.caches.pods]),
      client: cluster.client,
      clock,
      recorder: {
        normal: (_object, reason, message) => {
          this.told.add(reason);
          this.notes.push(`${reason}: ${message}`);
        },
        warn: (_object, reason, message) => {
          this.told.add(reason);
          this.warnings.add(reason);
          this.notes.push(`${reason}: ${message}`);
        },
      },
      bus: {
        publish: (event) => {
          this.events.push(event);
        },
      },
      storageClasses: {
        expandable: async (names) => new Set([...names].filter((name) => name.startsWith('expandable'))),
      },
      nodes: { shortage: async () => room.shortage, fits: async () => room.fits },
      servesResize: async () => true,
      term: () => this.term,
      isRunning: (app) => (this.stopped.has(app) ? false : undefined),
      metrics: { wrote: () => {}, permitted: () => {}, changed: () => {} },
      settings: { statusIntervalMs: 1000, passMs: 60_000, maxWrites: 32, reclaimScaleStrategy: false, ...settings },
    };
    this.#reconcile = collaSetReconciler(deps);
  }

  /** Runs one pass. Returns its failures without conflicts, which are expected. */
  async pass(key: string): Promise<readonly unknown[]> {
    const { failures } = await this.attempt(key);
    return failures.filter((failure) => !(failure instanceof ConflictError));
  }

  /** Runs one pass. Returns all its failures, or when it asks for the next pass. */
  async attempt(key: string): Promise<{ failures: readonly unknown[]; requeueAfterMs?: number | undefined }> {
    try {
      const result = await this.#reconcile(key, context);
      return { failures: [], requeueAfterMs: result?.requeueAfterMs };
    } catch (error) {
      return { failures: flattenErrors(error) };
    }
  }
}

/** A set on an in-memory cluster, with a simulation of the coordinator and the kubelet. */
export class World {
  readonly cluster: InMemoryCluster;
  readonly clock: FakeClock;
  readonly key: string;
  replica: Replica;
  /** If false, operations stay in PreCheck. */
  permits: boolean;
  /** Images whose Pods do not become ready. */
  readonly stuck: Set<string>;
  /** Images whose Pods the kubelet does not admit. */
  readonly failing = new Set<string>();
  /** What the nodes have room for; everything by default. */
  readonly room: Room = { ...ROOMY };
  readonly #settings: Partial<Settings>;
  /** Pods for which the simulation had nothing to do. */
  readonly #quiet = new WeakSet<Pod>();

  constructor(set: CollaSet, settings: Partial<Settings> = {}, before?: World) {
    this.#settings = settings;
    this.key = keyOf(set);
    this.clock = new FakeClock(before?.clock.now());
    const now = () => this.clock.now();
    this.cluster = new InMemoryCluster(before ? { copyOf: before.cluster, now } : { now });
    this.stuck = new Set(before?.stuck);
    this.permits = before?.permits ?? true;
    if (!before) this.cluster.add(COLLA_SETS, set);
    this.replica = this.#newReplica();
    this.cluster.writes.length = 0;
  }

  #newReplica(): Replica {
    return new Replica({ cluster: this.cluster, clock: this.clock, settings: this.#settings, room: this.room });
  }

  /** An independent copy of this world, with a replica that has run one pass. */
  async copy(): Promise<World> {
    const world = new World(this.set(), this.#settings, this);
    await world.pass();
    return world;
  }

  /** Replaces the replica by one with an empty memory. */
  restart(): void {
    this.replica = this.#newReplica();
  }

  pass(): Promise<readonly unknown[]> {
    return this.replica.pass(this.key);
  }

  /** Alternates passes and the simulation until nothing changes any more. Advances the clock. */
  async run(limit = 40): Promise<void> {
    for (let quiet = 0, round = 0; quiet < 3; round++) {
      if (round > limit) throw new Error(`not settled after ${limit} rounds`);
      const before = this.cluster.resourceVersion;
      await this.pass();
      this.checkInvariants();
      this.others();
      await settled();
      this.clock.advance(5000);
      quiet = before === this.cluster.resourceVersion ? quiet + 1 : 0;
    }
  }

  /** Simulates the coordinator and the kubelet for every Pod. */
  others(): void {
    for (const claim of this.cluster.list(PERSISTENT_VOLUME_CLAIMS)) {
      const next = provisioned(claim);
      if (next) this.cluster.change(PERSISTENT_VOLUME_CLAIMS, keyOf(claim), () => next);
    }
    for (const pod of this.pods()) {
      if (this.#quiet.has(pod)) continue;
      if (isTerminating(pod)) this.cluster.finishTermination(PODS, keyOf(pod));
      else if (!this.permits) this.#kubelet(pod);
      else {
        this.#coordinate(this.#drain(this.#kubelet(pod)));
        const isUnchanged = this.cluster.get(PODS, keyOf(pod)) === pod;
        if (isUnchanged && !this.#isStuck(pod)) this.#quiet.add(pod);
      }
    }
  }

  /** Drains and deletes a Pod marked to-delete, as the coordinator does. */
  #drain(pod: Pod): Pod {
    if (pod.metadata.labels?.[TO_DELETE_LABEL] === undefined) return pod;
    if (hasOperation(pod, COLLASET_OPERATION_ID, 'scale-in')) return pod;
    const operation = { id: POD_DELETE_OPERATION_ID, type: DELETE_OPERATION_TYPE, nanos: this.clock.nanos() };
    const now = new Date(this.clock.now()).toISOString();
    return this.cluster.change<Pod>(PODS, keyOf(pod), (old) => {
      const { metadata } = old;
      if (isPermitted(old, operation.id, operation.type))
        return { ...old, metadata: { ...metadata, deletionTimestamp: now } };
      const labels = applyLabels(metadata.labels ?? {}, beginOperation(old, operation) ?? {});
      return { ...old, metadata: { ...metadata, labels } };
    });
  }

  #kubelet(pod: Pod): Pod {
    if (this.#isStuck(pod)) return pod;
    const next = this.failing.has(pod.spec.containers[0]?.image ?? '') ? rejected(pod) : followed(pod);
    return next ? this.cluster.change<Pod>(PODS, keyOf(pod), () => next) : pod;
  }

  #isStuck({ spec }: Pod): boolean {
    return this.stuck.has(spec.containers[0]?.image ?? '');
  }

  #coordinate(pod: Pod): void {
    const { labels } = settle(podStateOf(pod), this.clock.nanos(), { passes: () => true });
    if (Object.keys(labels).length === 0 || isTerminating(pod)) return;
    this.cluster.change<Pod>(PODS, keyOf(pod), (old) => {
      const next: Record<string, string> = { ...old.metadata.labels };
      for (const [key, value] of Object.entries(labels)) {
        if (value === null) delete next[key];
        else next[key] = value;
      }
      return { ...old, metadata: { ...old.metadata, labels: next } };
    });
  }

  /** @throws Error if two Pods have one instance id, or two operations delete one Pod */
  checkInvariants(): void {
    const ids = this.active().map(idOf);
    if (new Set(ids).size < ids.length) throw new Error(`two Pods have the same instance id: ${ids.join(', ')}`);
    for (const pod of this.active()) {
      const leaving = operationsOf(pod).filter(takesAway);
      if (leaving.length > 1) throw new Error(`two operations delete Pod ${pod.metadata.name}`);
    }
  }

  set(): CollaSet {
    const set = this.cluster.get(COLLA_SETS, this.key);
    if (!set) throw new Error('the set is gone');
    return set;
  }

  edit(spec: Partial<CollaSet['spec']>): void {
    this.cluster.change<CollaSet>(COLLA_SETS, this.key, (set) => ({
      ...set,
      metadata: { ...set.metadata, generation: (set.metadata.generation ?? 0) + 1 },
      spec: { ...set.spec, ...spec },
    }));
  }

  editPod(name: string, labels: LabelChanges): void {
    this.cluster.change<Pod>(PODS, `default/${name}`, (pod) => ({
      ...pod,
      metadata: { ...pod.metadata, labels: applyLabels(pod.metadata.labels ?? {}, labels) },
    }));
  }

  pods(): readonly Pod[] {
    return this.cluster.list(PODS);
  }

  /** Pods of the set that have not ended and are not being deleted. */
  active(): readonly Pod[] {
    const uid = `${this.key.split('/')[1]}-uid`;
    const isActive = (pod: Pod) => !isTerminating(pod) && !isTerminal(pod);
    return this.pods().filter((pod) => isActive(pod) && controllerOf(pod)?.uid === uid);
  }

  /** Ids of the active Pods, in ascending order. */
  ids(): readonly number[] {
    return this.active()
      .map(idOf)
      .toSorted((a, b) => a - b);
  }

  images(): readonly string[] {
    return this.active()
      .toSorted((a, b) => idOf(a) - idOf(b))
      .map((pod) => pod.spec.containers[0]?.image ?? '');
  }

  context(name = this.key.split('/')[1]): ResourceContext | undefined {
    return this.cluster.get(RESOURCE_CONTEXTS, `default/${name}`);
  }

  /** The number of writes of the operator since the last call, by `verb resource`. */
  takeWrites(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { verb, resource, subresource } of this.cluster.writes.splice(0)) {
      const kind = `${verb} ${resource}${subresource ? `/${subresource}` : ''}`;
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  }

  condition(type: string): string {
    const found = this.set().status?.conditions?.find((condition) => condition.type === type);
    return `${found?.status} ${found?.reason} ${found?.message}`.trim();
  }
}

export function idOf(pod: Pod): number {
  return Number(pod.metadata.labels?.[INSTANCE_ID_LABEL]);
}
