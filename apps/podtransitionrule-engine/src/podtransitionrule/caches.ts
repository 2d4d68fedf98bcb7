import { COLLA_SETS, POD_TRANSITION_RULES, PODS, type PodTransitionRule } from '@kuperator/api';
import { Informer, type OperatorContext, SELECTING, selectingKeys } from '@kuperator/runtime';
import type { Config } from '../config.ts';
import { OwnerCache } from './owner-cache.ts';
import { REPLICA_SETS, type ReplicaOwner, STATEFUL_SETS, trimCollaSet, trimOwner } from './owners.ts';
import { POD_INDEXES, trimPod } from './pod-cache.ts';

type Context = Pick<OperatorContext<Config>, 'client' | 'config' | 'logger' | 'metrics'>;

/** Where this operator reads rule objects. */
export const RULE_INDEXES = {
  namespace: ({ metadata }: PodTransitionRule) => [metadata.namespace ?? ''],
  [SELECTING]: (rule: PodTransitionRule) => selectingKeys(rule, rule.spec.selector),
};

export type Caches = ReturnType<typeof cachesFor>;

/** Rules, all Pods that they may select, and the CollaSets of these Pods. */
export function cachesFor({ client, config, logger, metrics }: Context) {
  const shared = { client, namespace: config.watchNamespace, logger, metrics };
  return {
    rules: new Informer({ ...shared, resource: POD_TRANSITION_RULES, indexes: RULE_INDEXES }),
    pods: new Informer({ ...shared, resource: PODS, trim: trimPod, indexes: POD_INDEXES }),
    sets: new Informer({ ...shared, resource: COLLA_SETS, trim: trimCollaSet }),
  };
}

export type OwnerCaches = ReturnType<typeof ownerCachesFor>;

/** ReplicaSets and StatefulSets. They are read only once a rule selects one of their Pods. */
export function ownerCachesFor(
  { client, config, logger, metrics }: Context,
  on: { readonly change: (owner: ReplicaOwner) => void; readonly read: () => void },
) {
  const shared = { client, namespace: config.watchNamespace, logger, metrics };
  const ownerCache = (resource: typeof REPLICA_SETS) =>
    new OwnerCache({
      informer: { ...shared, resource, trim: trimOwner },
      onChange: on.change,
      onRead: on.read,
      onFailure: (error) => logger.error({ err: error, kind: resource.kind }, 'owners cannot be read'),
    });
  return { replicaSets: ownerCache(REPLICA_SETS), statefulSets: ownerCache(STATEFUL_SETS) };
}
