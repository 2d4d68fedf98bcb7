import type { CollaSet, ControllerRevision, PersistentVolumeClaim, Pod, ResourceContext } from '@kuperator/api';
import type { RevisionPlan } from '../revision/revision.ts';
import type { Revision } from '../revision/revision-data.ts';
import type { UpdateFacts } from './update.ts';

/** All that a pass is decided from: the caches, what was asked of the API server, and what the replica remembers. */
export type Observed = {
  readonly set: CollaSet;
  readonly owned: readonly Pod[];
  readonly context: ResourceContext | undefined;
  readonly revision: ObservedRevision;
  readonly claims: ObservedClaims;
  /** The Pod of that name in the set's namespace, if the cache has it, whoever owns it. */
  readonly podNamed: (name: string) => Pod | undefined;
  /** True for names that no new Pod can have: a Pod has it, or had it when a creation was last tried. */
  readonly isNameTaken: (name: string) => boolean;
  /** Instance ids whose last creation the API server refused because of what the template says. */
  readonly refused: ReadonlySet<number>;
  readonly facts: UpdateFacts;
  readonly nowMs: number;
  /** Unix nanoseconds, decimal, for the marks of this pass. */
  readonly nanos: string;
  readonly due: Due;
  /** The most housekeeping writes of one kind in a pass. */
  readonly maxWrites: number;
  /** Names leave the lists of `spec.scaleStrategy` when they are served. */
  readonly reclaimsNames: boolean;
};

export type ObservedRevision = {
  /** The set's stored revisions. */
  readonly stored: readonly ControllerRevision[];
  /** Those of them that can be read, by name. */
  readonly byName: ReadonlyMap<string, Revision>;
  /** Without an owner, and the set's by name and labels. */
  readonly adoptable: readonly ControllerRevision[];
  /** What must be written so that the set's template has a revision. */
  readonly plan: RevisionPlan;
  /** The revision of the set's template; undefined until it is stored. */
  readonly updated: Revision | undefined;
  /** How often the name of a new revision was found taken. */
  readonly collisionCount: number;
  /** The API server was asked, by dry runs, whether it accepts the updated revision, and need not be asked again yet. */
  readonly isTried: boolean;
};

export type ObservedClaims = {
  readonly owned: readonly PersistentVolumeClaim[];
  /** Claims of the namespace without any owner. */
  readonly unowned: readonly PersistentVolumeClaim[];
  /** StorageClasses that allow the expansion of unowned claims. */
  readonly expandable: ReadonlySet<string>;
  /** Name of a Pod without an owner that mounts the claim. */
  readonly orphanOf: (claim: PersistentVolumeClaim) => string | undefined;
  /** The claims of claim templates that a Pod mounts, as far as they are under control. */
  readonly mountedBy: (pod: Pod) => readonly PersistentVolumeClaim[];
};

/** After how many ms something may be done again; 0 or less: now. */
export type Due = {
  readonly createMs: number;
  /** Writing a ResourceContext that nothing waits for; `busy` while many Pods are on their way. */
  readonly tidyContextMs: number;
  readonly tidyBusyContextMs: number;
  readonly deleteClaimsMs: number;
  /** The next dry run of a revision that was refused. */
  readonly trialMs: number;
  /** Of a claim that a Pod outside the cache mounts. */
  readonly claimMs: (claim: PersistentVolumeClaim) => number;
};
