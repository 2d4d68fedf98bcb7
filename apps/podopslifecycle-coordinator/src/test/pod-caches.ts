import { POD_TRANSITION_RULES, PODS, SERVICES } from '@kuperator/api';
import { objectWriter, SELECTING, selectingKeys } from '@kuperator/runtime';
import type { InMemoryCluster } from '@kuperator/testing';

/** The caches that the reconcile of a Pod reads, with the index of `caches.ts` that it uses, and the writer of its Pods. */
export function podCaches(cluster: InMemoryCluster) {
  const pods = cluster.informer(PODS);
  const rules = cluster.informer(POD_TRANSITION_RULES, {
    indexes: { [SELECTING]: (rule) => selectingKeys(rule, rule.spec.selector) },
  });
  const services = cluster.informer(SERVICES, {
    indexes: { [SELECTING]: (service) => selectingKeys(service, { matchLabels: service.spec.selector ?? {} }) },
  });
  return { pods, rules, services, writer: objectWriter({ client: cluster.client, resource: PODS, cache: pods }) };
}
