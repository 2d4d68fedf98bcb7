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

/** The part of an informer a pass uses. Not its version: versions of different kinds do not compare. */
export type Cache<T extends KubeObject> = Pick<Informer<T>, 'get' | 'byIndex' | 'observe' | 'observeGone'>;

export type Settings = {
  /** Least time between two status writes that bring only new figures. */
  readonly statusIntervalMs: number;
  /** A pass begins no further write after this; what is left is decided anew. */
  readonly passMs: number;
  /** Writes of one kind at once for one set. */
  readonly maxWrites: number;
  /** Names in the lists of `spec.scaleStrategy` go when they are served. */
  readonly reclaimScaleStrategy: boolean;
};

export type Deps = {
  readonly sets: Cache<CollaSet>;
  readonly pods: Cache<Pod>;
  readonly revisions: Cache<ControllerRevision>;
  readonly contexts: Cache<ResourceContext>;
  readonly claims: Cache<PersistentVolumeClaim>;
  /** Of sets and Pods: a Pod is deleted for a scale-in only while these are known to be current. */
  readonly sight: Sight;
  readonly client: Pick<KubeClient, 'get' | 'list' | 'create' | 'patch' | 'delete'>;
  readonly storageClasses: StorageClasses;
  readonly nodes: Nodes;
  /** Whether the cluster serves `pods/resize`. */
  readonly servesResize: () => Promise<boolean>;
  /** Changes whenever another replica may have had any of our sets. */
  readonly term: () => number;
  readonly recorder: Pick<EventRecorder, 'normal' | 'warn'>;
  readonly bus: Pick<EventBus, 'publish'>;
  readonly clock: Clock;
  /** Whether an operator has a live Lease; undefined: not known. */
  readonly isRunning: (app: string) => boolean | undefined;
  readonly metrics: CollaSetMetrics;
  readonly settings: Settings;
};

/** Index of the caches by the uid of the controlling owner. */
export const BY_OWNER = 'owner';
/** Index of claims and revisions without any owner, by namespace. */
export const UNOWNED = 'unowned';
/** Index of Pods without any owner, by the keys of the claims they mount. */
export const ORPHAN_MOUNTS = 'orphan-mounts';
