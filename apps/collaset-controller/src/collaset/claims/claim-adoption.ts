// Which claims that belong to nobody a set takes over, and which it leaves alone.
import {
  type CollaSet,
  isTerminating,
  ORPHANED_LABEL,
  type PersistentVolumeClaim,
  PVC_TEMPLATE_HASH_LABEL,
  PVC_TEMPLATE_NAME_LABEL,
  RETAINED_BY_ANNOTATION,
} from '@kuperator/api';
import type { ClaimTemplate } from '../revision/revision-data.ts';
import { agreesWithSelector } from '../revision/selector-labels.ts';
import { canGrowTo } from './claim-growth.ts';
import { isClaimOf, sizeOf } from './claim-template.ts';
import { claimIdOf, newestFirst } from './claims.ts';

export type AdoptionInput = {
  readonly set: CollaSet;
  /** Claims of the namespace that have no owner. */
  readonly unowned: readonly PersistentVolumeClaim[];
  readonly owned: readonly PersistentVolumeClaim[];
  /** Of the updated revision: a claim that only an older one asks for would be unused as soon as it is the set's. */
  readonly templates: readonly ClaimTemplate[];
  /** StorageClasses that allow expansion. */
  readonly expandable: ReadonlySet<string>;
  /** Name of an ownerless Pod that mounts the claim. */
  readonly orphanOf: (claim: PersistentVolumeClaim) => string | undefined;
};

export type LeftClaim = {
  readonly claim: PersistentVolumeClaim;
  readonly reason: string;
  /** The claim has the name of this set, so that its user may miss it. */
  readonly isOwn: boolean;
};

export type Adoption = { readonly take: readonly PersistentVolumeClaim[]; readonly leave: readonly LeftClaim[] };

/**
 * Takes the claims that an earlier set of the same name left behind (T61), if the set can mount them and has no such claim for the
 * instance id yet. Labels alone say little: a neighbour may have the same selector (T100).
 */
export function planAdoption(input: AdoptionInput): Adoption {
  const { set } = input;
  const take: PersistentVolumeClaim[] = [];
  const leave: LeftClaim[] = [];
  for (const claim of input.unowned.filter((claim) => isRetained(set, claim)).toSorted(newestFirst)) {
    const setName = setNameOf(claim);
    if (setName !== set.metadata.name) {
      const reason = setName === undefined ? 'its name is of no CollaSet' : `it is of CollaSet ${setName}`;
      if (agreesWithSelector(set, claim.metadata.labels)) leave.push({ claim, reason, isOwn: false });
      continue;
    }
    const reason = objectionTo(claim, input, take);
    if (reason === undefined) take.push(claim);
    else leave.push({ claim, reason, isOwn: true });
  }
  return { take, leave };
}

/** Classes that decide whether claims can be adopted. */
export function classesToAsk({ unowned, templates }: Pick<AdoptionInput, 'unowned' | 'templates'>): Set<string> {
  const growing = unowned.filter((claim) => templates.some((template) => canGrowTo(claim, template)));
  return new Set(growing.flatMap(({ spec }) => spec.storageClassName || []));
}

/** Not a claim that was let go together with its Pod: that one is waited for by the Pod. */
function isRetained({ metadata }: CollaSet, claim: PersistentVolumeClaim): boolean {
  const { namespace, labels, ownerReferences = [] } = claim.metadata;
  return (
    namespace === metadata.namespace &&
    !isTerminating(claim) &&
    ownerReferences.length === 0 &&
    claimIdOf(claim) !== undefined &&
    labels?.[PVC_TEMPLATE_HASH_LABEL] !== undefined &&
    labels[ORPHANED_LABEL] === undefined
  );
}

/**
 * Name of the CollaSet that the claim was made for or retained by: on record, in `generateName`, or in its name, which is
 * `<set>-<template>-<5 characters>`. The template's name is on a label, so that the rest is the set's, whatever dashes are in it.
 */
export function setNameOf({ metadata }: PersistentVolumeClaim): string | undefined {
  const recorded = metadata.annotations?.[RETAINED_BY_ANNOTATION];
  if (recorded) return recorded;
  const end = `-${metadata.labels?.[PVC_TEMPLATE_NAME_LABEL] ?? ''}-`;
  const prefixes = [metadata.generateName, /^(.*-)[a-z0-9]{5}$/.exec(metadata.name ?? '')?.[1]];
  const prefix = prefixes.find((candidate) => candidate?.endsWith(end));
  return (end.length > 2 && prefix?.slice(0, -end.length)) || undefined;
}

function objectionTo(
  claim: PersistentVolumeClaim,
  { set, owned, templates, expandable, orphanOf }: AdoptionInput,
  taken: readonly PersistentVolumeClaim[],
): string | undefined {
  if (!agreesWithSelector(set, claim.metadata.labels)) return 'its labels do not match the selector';
  const orphan = orphanOf(claim);
  if (orphan !== undefined) return `Pod ${orphan}, which no set owns, mounts it`;
  const canExpand = expandable.has(claim.spec.storageClassName ?? '');
  const meant = templates.filter((template) => isClaimOf(claim, template) || (canExpand && canGrowTo(claim, template)));
  if (meant.length === 0) return `no claim template of the set asks for such a claim (of ${sizeOf(claim)})`;
  const id = claimIdOf(claim);
  const rival = [...owned, ...taken].find(
    (other) => !isTerminating(other) && claimIdOf(other) === id && meant.some((template) => isClaimOf(other, template)),
  );
  return rival && `claim ${rival.metadata.name} is that of instance ${id}`;
}

/** One line for an Event. */
export function adoptionMessage(claims: readonly PersistentVolumeClaim[]): string {
  return `took over retained claims: ${listed(claims.map((claim) => `${claim.metadata.name} (instance ${claimIdOf(claim)})`))}`;
}

/** One line for an Event. */
export function leftMessage(claims: readonly LeftClaim[]): string {
  return `left claims alone: ${listed(claims.map(({ claim, reason }) => `${claim.metadata.name}: ${reason}`))}`;
}

const SHOWN = 8;

function listed(items: readonly string[]): string {
  const shown = items.slice(0, SHOWN).join('; ');
  return items.length > SHOWN ? `${shown}; and ${items.length - SHOWN} more` : shown;
}
