import { API_GROUP, type CollaSet, isTerminating, type Pod, replicasOf } from '@kuperator/api';
import type { Informer } from '@kuperator/runtime';
import type { Owners } from './population.ts';

/** What owners want, as far as we know their kind. Another kind that has replicas is known by one more line here. */
export function ownersFrom(sets: Pick<Informer<CollaSet>, 'get'>, pods: Pick<Informer<Pod>, 'byIndex'>): Owners {
  return {
    wanted({ apiVersion, kind, name, uid }, namespace) {
      if (kind !== 'CollaSet' || !apiVersion.startsWith(`${API_GROUP}/`)) return undefined;
      const set = sets.get(`${namespace}/${name}`);
      if (set?.metadata.uid !== uid) return undefined;
      return isTerminating(set) ? 0 : replicasOf(set);
    },
    owned: (uid) => pods.byIndex('controller', uid),
  };
}

/** Only what `ownersFrom` reads: templates are large. */
export function trimCollaSet({ metadata, spec }: CollaSet): CollaSet {
  const { annotations: _annotations, labels: _labels, managedFields: _managedFields, ...identity } = metadata;
  return { metadata: identity, spec: { ...spec, template: { spec: { containers: [] } } } };
}
