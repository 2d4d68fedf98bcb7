import {
  API_GROUP,
  type CollaSet,
  isTerminating,
  type Key,
  type KubeObject,
  type Pod,
  type Resource,
} from '@kuperator/api';
import type { Informer } from '@kuperator/runtime';
import type { Owners } from './population.ts';

/** An object that owns Pods and has a desired number of them. No other field is read. */
export type ReplicaOwner = KubeObject & { spec?: { replicas?: number } };

const apps = (kind: string, plural: string): Resource<ReplicaOwner> => ({
  group: 'apps',
  version: 'v1',
  kind,
  plural,
  namespaced: true,
});
export const REPLICA_SETS = apps('ReplicaSet', 'replicasets');
export const STATEFUL_SETS = apps('StatefulSet', 'statefulsets');

/** Reads the owners of one kind; `unread` while its cache is not complete. */
export type OwnerKind = {
  readonly group: string;
  readonly kind: string;
  readonly get: (key: Key) => ReplicaOwner | 'unread' | undefined;
};

/** The kinds of owners whose `spec.replicas` is read; left out, it means one. To add a kind that has replicas, add a line. */
export function ownerKinds(
  get: Readonly<Record<'collaSet' | 'replicaSet' | 'statefulSet', OwnerKind['get']>>,
): readonly OwnerKind[] {
  return [
    { group: API_GROUP, kind: 'CollaSet', get: get.collaSet },
    { group: 'apps', kind: 'ReplicaSet', get: get.replicaSet },
    { group: 'apps', kind: 'StatefulSet', get: get.statefulSet },
  ];
}

/** The desired number of Pods of an owner. For an owner of an unknown kind, or one that is gone, only the existing Pods count. */
export function ownersFrom(kinds: readonly OwnerKind[], pods: Pick<Informer<Pod>, 'byIndex'>): Owners {
  return {
    wanted({ apiVersion, kind, name, uid }, namespace) {
      const known = kinds.find((each) => each.kind === kind && apiVersion.startsWith(`${each.group}/`));
      const owner = known?.get(`${namespace}/${name}`);
      if (owner === 'unread') return owner;
      if (!known || owner?.metadata.uid !== uid) return undefined;
      return isTerminating(owner) ? 0 : (owner.spec?.replicas ?? 1);
    },
    owned: (uid) => pods.byIndex('controller', uid),
  };
}

/** Keeps what `ownersFrom` reads. Templates are large. */
export function trimCollaSet({ metadata, spec }: CollaSet): CollaSet {
  return { metadata: identityOf(metadata), spec: { ...spec, template: { spec: { containers: [] } } } };
}

export function trimOwner({ metadata, spec }: ReplicaOwner): ReplicaOwner {
  const replicas = spec?.replicas;
  return { metadata: identityOf(metadata), spec: replicas === undefined ? {} : { replicas } };
}

function identityOf({ annotations: _annotations, labels: _labels, managedFields: _managed, ...identity }: Metadata) {
  return identity;
}

type Metadata = KubeObject['metadata'];
