import type {
  CollaSet,
  ControllerRevision,
  KubeObject,
  PersistentVolumeClaim,
  Pod,
  ResourceContext,
} from '@kuperator/api';
import type { EventBus } from '@kuperator/events';
import type { Clock, EventRecorder, Informer, KubeClient, Sight } from '@kuperator/runtime';
import type { CollaSetMetrics } from './metrics.ts';
import type { Nodes } from './nodes.ts';
import type { StorageClasses } from './storage-classes.ts';

/** The part of an informer that a pass uses. It leaves out the version, because versions of different kinds cannot be compared. */
export type Cache<T extends KubeObject> = Pick<Informer<T>, 'get' | 'byIndex' | 'observe' | 'observeGone'>;

export type Settings = {
  /** Minimum time between two status writes that only change counts. */
  readonly statusIntervalMs: number;
  /** A pass starts no further write after this time. The next pass plans the rest again. */
  readonly passMs: number;
  /** Maximum number of concurrent writes of one kind for one set. */
  readonly maxWrites: number;
  /** If true, names are removed from the lists of `spec.scaleStrategy` when their request is done. */
  readonly reclaimScaleStrategy: boolean;
};

export type Deps = {
  readonly sets: Cache<CollaSet>;
  readonly pods: Cache<Pod>;
  readonly revisions: Cache<ControllerRevision>;
  readonly contexts: Cache<ResourceContext>;
  readonly claims: Cache<PersistentVolumeClaim>;
  /** Tells whether the caches of sets and Pods are current. A scale-in deletes a Pod only if they are. */
  readonly sight: Sight;
  readonly client: Pick<KubeClient, 'get' | 'list' | 'create' | 'patch' | 'delete'>;
  readonly storageClasses: StorageClasses;
  readonly nodes: Nodes;
  /** Whether the cluster serves `pods/resize`. */
  readonly servesResize: () => Promise<boolean>;
  /** A number that changes whenever another replica may have reconciled any set of this replica. */
  readonly term: () => number;
  readonly recorder: Pick<EventRecorder, 'normal' | 'warn'>;
  readonly bus: Pick<EventBus, 'publish'>;
  readonly clock: Clock;
  /** Whether the operator has a live Lease; undefined if that is unknown. */
  readonly isRunning: (app: string) => boolean | undefined;
  readonly metrics: CollaSetMetrics;
  readonly settings: Settings;
};

/** Index by the uid of the controlling owner. */
export const BY_OWNER = 'owner';
/** Index of claims and revisions without an owner, by namespace. */
export const UNOWNED = 'unowned';
/** Index of Pods without an owner, by the keys of the claims that they mount. */
export const ORPHAN_MOUNTS = 'orphan-mounts';
