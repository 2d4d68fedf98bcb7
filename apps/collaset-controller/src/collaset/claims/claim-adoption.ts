// Decides which claims without an owner a set adopts, and which it leaves alone.
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
  /** Claims of the namespace without an owner. */
  readonly unowned: readonly PersistentVolumeClaim[];
  readonly owned: readonly PersistentVolumeClaim[];
  /** Claim templates of the updated revision. A claim that only an older revision asks for would be unused immediately. */
  readonly templates: readonly ClaimTemplate[];
  /** StorageClasses that allow expansion. */
  readonly expandable: ReadonlySet<string>;
  /** Name of a Pod without an owner that mounts the claim; undefined if there is none. */
  readonly orphanOf: (claim: PersistentVolumeClaim) => string | undefined;
};

export type LeftClaim = {
  readonly claim: PersistentVolumeClaim;
  readonly reason: string;
  /** True if the claim was made for a set of this name, so that the user may expect the set to adopt it. */
  readonly isOwn: boolean;
};

type Adoption = { readonly take: readonly PersistentVolumeClaim[]; readonly leave: readonly LeftClaim[] };

/**
 * Adopts the claims that an earlier set of the same name left behind (T61), if the set can mount them and has no such claim for the
 * instance id yet. Labels are not enough, because another set may have the same selector (T100). Pure.
 */
export function planAdoption(input: AdoptionInput): Adoption {
  const { set } = input;
  const take: PersistentVolumeClaim[] = [];
  const leave: LeftClaim[] = [];
  for (const claim of input.unowned.filter((claim) => isRetained(set, claim)).toSorted(newestFirst)) {
    const setName = setNameOf(claim);
    if (setName !== set.metadata.name) {
      const reason =
        setName === undefined ? 'its name does not tell its CollaSet' : `it belongs to CollaSet ${setName}`;
      if (agreesWithSelector(set, claim.metadata.labels)) leave.push({ claim, reason, isOwn: false });
      continue;
    }
    const reason = objectionTo(claim, input, take);
    if (reason === undefined) take.push(claim);
    else leave.push({ claim, reason, isOwn: true });
  }
  return { take, leave };
}

/** The StorageClasses that decide whether claims can be adopted, because these claims must grow. */
export function classesToAsk({ unowned, templates }: Pick<AdoptionInput, 'unowned' | 'templates'>): Set<string> {
  const growing = unowned.filter((claim) => templates.some((template) => canGrowTo(claim, template)));
  return new Set(growing.flatMap(({ spec }) => spec.storageClassName || []));
}

/** True if an earlier set retained the claim. A claim that was excluded together with its Pod does not count: it stays with the Pod. */
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
 * Name of the CollaSet that the claim was made for or retained by. It comes from the annotation, from `generateName`, or from the claim's
 * name, which is `<set>-<template>-<5 characters>`. A label has the template's name, so the set's name can be told apart even if it has
 * dashes.
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
  if (orphan !== undefined) return `Pod ${orphan}, which has no owner, mounts it`;
  const canExpand = expandable.has(claim.spec.storageClassName ?? '');
  const meant = templates.filter((template) => isClaimOf(claim, template) || (canExpand && canGrowTo(claim, template)));
  if (meant.length === 0) return `it does not fit any claim template of the set (size ${sizeOf(claim)})`;
  const id = claimIdOf(claim);
  const rival = [...owned, ...taken].find(
    (other) => !isTerminating(other) && claimIdOf(other) === id && meant.some((template) => isClaimOf(other, template)),
  );
  return rival && `instance ${id} already has claim ${rival.metadata.name}`;
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
