import {
  COLLA_SETS,
  CONTROL_LABEL,
  CONTROLLER_REVISIONS,
  type CollaSet,
  contextNameOf,
  controllerOf,
  type KubeObject,
  keyOf,
  PERSISTENT_VOLUME_CLAIMS,
  PODS,
  type Pod,
  RESOURCE_CONTEXTS,
  type Resource,
} from '@kuperator/api';
import type { EventBus } from '@kuperator/events';
import { type Change, Controller, Informer, type OperatorContext } from '@kuperator/runtime';
import type { Config } from '../config.ts';
import { BY_OWNER, UNOWNED } from './deps.ts';
import { collaSetMetrics } from './metrics.ts';
import { collaSetReconciler } from './reconcile.ts';
import { trimPod, trimRevision } from './trim.ts';

const RESYNC_MS = 10 * 60_000;
const BY_CONTEXT = 'context';

/** Watches CollaSets and all they own; any change of these queues the set. */
export function collaSetController(context: OperatorContext<Config>, bus: EventBus) {
  const { client, clock, config, logger, metrics, recorder, shards } = context;
  const watch = <T extends KubeObject>(resource: Resource<T>) => ({
    client,
    resource,
    namespace: config.watchNamespace,
    logger,
    metrics,
    clock,
  });
  const sets = new Informer<CollaSet>({
    ...watch(COLLA_SETS),
    indexes: { [BY_CONTEXT]: (set) => [`${set.metadata.namespace}/${contextNameOf(set)}`] },
  });
  const pods = new Informer<Pod>({
    ...watch(PODS),
    labelSelector: `${CONTROL_LABEL}=true`,
    trim: trimPod,
    indexes: { [BY_OWNER]: ownerUid },
  });
  const revisions = new Informer({
    ...watch(CONTROLLER_REVISIONS),
    trim: trimRevision,
    indexes: { [BY_OWNER]: ownerUid },
  });
  const contexts = new Informer(watch(RESOURCE_CONTEXTS));
  const claims = new Informer({
    ...watch(PERSISTENT_VOLUME_CLAIMS),
    labelSelector: `${CONTROL_LABEL}=true`,
    indexes: {
      [BY_OWNER]: ownerUid,
      [UNOWNED]: ({ metadata }) => (metadata.ownerReferences?.length ? [] : [metadata.namespace ?? '']),
    },
  });

  const controller = new Controller({
    name: 'collaset',
    reconcile: collaSetReconciler({
      sets,
      pods,
      revisions,
      contexts,
      claims,
      client,
      recorder,
      bus,
      clock,
      metrics: collaSetMetrics(metrics),
      settings: { statusIntervalMs: config.statusIntervalMs, passMs: config.passMs, maxWrites: config.maxWrites },
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

  sets.onChange((change) => {
    if (change.type !== 'updated' || isRelevant(change)) controller.enqueue(change.key);
  });
  const enqueueOwner = (object: KubeObject) => {
    const owner = controllerOf(object);
    if (owner?.kind === COLLA_SETS.kind) controller.enqueue(`${object.metadata.namespace}/${owner.name}`);
  };
  for (const informer of [pods, revisions, claims]) {
    informer.onChange(({ object, old }: Change<KubeObject>) => {
      enqueueOwner(object);
      // A Pod that was let go is missed by the set that had it.
      if (old && controllerOf(old)?.uid !== controllerOf(object)?.uid) enqueueOwner(old);
    });
  }
  contexts.onChange(({ key }) => {
    for (const set of sets.byIndex(BY_CONTEXT, key)) controller.enqueue(keyOf(set));
  });
  // A hint only: the Pod's own event tells the same a little later.
  const unsubscribe = bus.subscribe({ kind: 'pod', event: 'operation.permitted' }, ({ namespace, name }) => {
    const pod = pods.get(`${namespace}/${name}`);
    if (pod) enqueueOwner(pod);
  });
  return { controller, informers: [sets, pods, revisions, contexts, claims], stop: unsubscribe };
}

/** Status is ours, so that only a change of what the user says is news. */
function isRelevant({ object, old }: Change<CollaSet>): boolean {
  return (
    object.metadata.generation !== old?.metadata.generation ||
    object.metadata.deletionTimestamp !== old?.metadata.deletionTimestamp ||
    object.metadata.finalizers?.join() !== old?.metadata.finalizers?.join()
  );
}

function ownerUid(object: KubeObject): readonly string[] {
  const uid = controllerOf(object)?.uid;
  return uid === undefined ? [] : [uid];
}
