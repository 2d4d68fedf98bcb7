import {
  COLLA_SETS,
  CONTROLLER_REVISIONS,
  type CollaSet,
  type ControllerRevision,
  controllerOf,
  type Key,
  type KubeObject,
  keyOf,
  PERSISTENT_VOLUME_CLAIMS,
  type PersistentVolumeClaim,
  PODS,
  type Pod,
  RESOURCE_CONTEXTS,
  type Resource,
  type ResourceContext,
} from '@kuperator/api';
import type { EventBus } from '@kuperator/events';
import { type Change, Controller, Informer, type OperatorContext, RunningOperators, sightOf } from '@kuperator/runtime';
import type { Config } from '../config.ts';
import { resizeDiscovery } from './act/discovery.ts';
import { collaSetMetrics } from './act/metrics.ts';
import { nodes } from './act/nodes.ts';
import { storageClasses } from './act/storage-classes.ts';
import { BY_CONTEXT, BY_INCLUDED, claimCache, podCache, revisionCache, setCache } from './caches.ts';
import { formerSetOf } from './ids/left-behind.ts';
import { collaSetReconciler } from './reconcile.ts';

const RESYNC_MS = 10 * 60_000;

/** Watches CollaSets and the objects that they own. A change of any of them queues the set. */
export function collaSetController(context: OperatorContext<Config>, bus: EventBus) {
  const { client, clock, config, logger, metrics, recorder, shards } = context;
  const informers = informersFor(context);
  const { sets, pods } = informers;
  const operators = new RunningOperators({ client, clock, logger, namespace: config.podNamespace });

  const controller = new Controller({
    name: 'collaset',
    reconcile: collaSetReconciler({
      ...informers,
      sight: sightOf([sets, pods]),
      client,
      recorder,
      bus,
      clock,
      metrics: collaSetMetrics(metrics),
      storageClasses: storageClasses({ client, clock }),
      nodes: nodes({ client, clock }),
      servesResize: resizeDiscovery(client),
      term: termCounter(shards),
      isRunning: (app) => operators.isRunning(app),
      settings: config,
    }),
    concurrency: config.concurrency,
    keys: () => sets.keys(),
    shards,
    minIntervalMs: config.reconcileIntervalMs,
    resyncMs: RESYNC_MS,
    clock,
    logger,
    metrics,
  });

  const enqueueOwner = enqueueOnChange(informers, (key) => controller.enqueue(key));
  // The NATS event only saves time. The watch event of the Pod follows shortly after it.
  bus.subscribe({ kind: 'pod', event: 'operation.permitted' }, ({ namespace, name }) => {
    const pod = pods.get(`${namespace}/${name}`);
    if (pod) enqueueOwner(pod);
  });
  // A set that waits may now wait for another operator, which its conditions must name.
  operators.onChange(() => {
    for (const set of sets.list()) if (isWaiting(set)) controller.enqueue(keyOf(set));
  });
  return { controller, components: [operators], informers: Object.values(informers) };
}

function informersFor({ client, clock, config, logger, metrics }: OperatorContext<Config>): Informers {
  const watch = <T extends KubeObject>(resource: Resource<T>) => ({
    client,
    resource,
    namespace: config.watchNamespace,
    logger,
    metrics,
    clock,
  });
  return {
    sets: new Informer({ ...watch(COLLA_SETS), ...setCache }),
    pods: new Informer({ ...watch(PODS), ...podCache }),
    revisions: new Informer({ ...watch(CONTROLLER_REVISIONS), ...revisionCache }),
    contexts: new Informer(watch(RESOURCE_CONTEXTS)),
    claims: new Informer({ ...watch(PERSISTENT_VOLUME_CLAIMS), ...claimCache }),
  };
}

/** Counts the terms of this replica. A new term begins when another replica may have reconciled any set of this one. */
function termCounter(shards: OperatorContext<Config>['shards']): () => number {
  let term = 0;
  const endTerm = () => {
    term++;
  };
  shards.onChange(endTerm);
  shards.onLapse(endTerm);
  return () => term;
}

type Informers = {
  readonly sets: Informer<CollaSet>;
  readonly pods: Informer<Pod>;
  readonly revisions: Informer<ControllerRevision>;
  readonly contexts: Informer<ResourceContext>;
  readonly claims: Informer<PersistentVolumeClaim>;
};

/**
 * Queues a set when it or an object that concerns it changes.
 * @returns a function that queues the set which controls an object
 */
function enqueueOnChange(
  { sets, pods, revisions, contexts, claims }: Informers,
  enqueue: (key: Key) => void,
): (object: KubeObject) => void {
  const enqueueOwner = (object: KubeObject) => {
    const owner = controllerOf(object);
    if (owner?.kind === COLLA_SETS.kind) enqueue(`${object.metadata.namespace}/${owner.name}`);
  };
  sets.onChange((change) => {
    if (change.type !== 'updated' || isRelevant(change)) enqueue(change.key);
  });
  for (const informer of [pods, revisions, claims]) {
    informer.onChange(({ object, old }: Change<KubeObject>) => {
      enqueueOwner(object);
      // If the owner changed, the former owner must be queued as well.
      if (old && controllerOf(old)?.uid !== controllerOf(object)?.uid) enqueueOwner(old);
    });
  }
  pods.onChange(({ key, object }) => {
    if (!controllerOf(object)) for (const set of sets.byIndex(BY_INCLUDED, key)) enqueue(keyOf(set));
    const former = formerSetOf(object);
    if (former !== undefined && sets.get(former)) enqueue(former);
  });
  contexts.onChange(({ key }) => {
    for (const set of sets.byIndex(BY_CONTEXT, key)) enqueue(keyOf(set));
  });
  return enqueueOwner;
}

function isWaiting({ metadata, status }: CollaSet): boolean {
  const isReconciling = status?.conditions?.some(({ type, status }) => type === 'Reconciling' && status === 'True');
  const isStalled = status?.conditions?.some(({ type, status }) => type === 'Stalled' && status === 'True');
  return metadata.deletionTimestamp !== undefined || isReconciling === true || isStalled === true;
}

/** True if the change may come from a user. Only this controller writes the status, so its changes are ignored. */
function isRelevant({ object, old }: Change<CollaSet>): boolean {
  return (
    object.metadata.generation !== old?.metadata.generation ||
    object.metadata.deletionTimestamp !== old?.metadata.deletionTimestamp ||
    object.metadata.finalizers?.join() !== old?.metadata.finalizers?.join()
  );
}
