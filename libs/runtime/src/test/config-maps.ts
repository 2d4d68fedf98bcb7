import type { KubeObject, Resource } from '@kuperator/api';

export type ConfigMap = KubeObject & { data?: Record<string, string> };

/** A kind that every cluster has and that none of its controllers touches. */
export const CONFIG_MAPS: Resource<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};
