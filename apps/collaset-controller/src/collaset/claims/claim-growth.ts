import { isTerminating, type PersistentVolumeClaim, PVC_TEMPLATE_NAME_LABEL } from '@kuperator/api';
import { meaningOf } from '../revision/meaning.ts';
import { canonicalQuantity } from '../revision/quantity.ts';
import type { ClaimTemplate } from '../revision/revision-data.ts';
import { isButForSize, plainTemplate, sizeOf } from './claim-template.ts';

const CLAIM = 'PersistentVolumeClaim';

/** `grows`: names of the templates that ask for more storage. `other`: something else differs. */
export type ClaimDifference = { readonly grows: readonly string[] } | 'other';

/** Compares claim templates, in any order. An added or removed template counts as `other`. */
export function differenceOfClaims(from: readonly ClaimTemplate[], to: readonly ClaimTemplate[]): ClaimDifference {
  if (from.length !== to.length) return 'other';
  const before = new Map(from.map((template) => [template.metadata.name, template]));
  const grows: string[] = [];
  for (const template of to) {
    const old = before.get(template.metadata.name);
    if (!old) return 'other';
    const [was, is] = [plainTemplate(old), plainTemplate(template)];
    if (meaningOf(was, CLAIM) === meaningOf(is, CLAIM)) continue;
    if (
      meaningOf(withoutSize(was), CLAIM) !== meaningOf(withoutSize(is), CLAIM) ||
      !isLess(sizeOf(old), sizeOf(template))
    ) {
      return 'other';
    }
    grows.push(template.metadata.name ?? '');
  }
  return { grows };
}

/** True if quantity `a` is less than `b`. False if either is missing or not a quantity. */
export function isLess(a: string | undefined, b: string | undefined): boolean {
  const [left, right] = [a, b].map((size) => /^(\d+)n$/.exec(canonicalQuantity(size ?? ''))?.[1]);
  return left !== undefined && right !== undefined && BigInt(left) < BigInt(right);
}

function withoutSize(template: ClaimTemplate): ClaimTemplate {
  const { storage: _, ...requests } = template.spec?.resources?.requests ?? {};
  return { ...template, spec: { ...template.spec, resources: { ...template.spec?.resources, requests } } };
}

/** True if the claim is bound and would fit the template after an expansion. */
export function canGrowTo(claim: PersistentVolumeClaim, template: ClaimTemplate): boolean {
  return claim.status?.phase === 'Bound' && isLess(sizeOf(claim), sizeOf(template)) && isButForSize(claim, template);
}

/** The StorageClasses of the claims. */
export function classesOf(claims: readonly PersistentVolumeClaim[]): ReadonlySet<string> {
  return new Set(claims.flatMap(({ spec }) => spec.storageClassName || []));
}

/**
 * Names of the claim templates whose existing claims can all be expanded.
 * @param allows true if the StorageClass allows expansion
 */
export function expandableTemplates(
  owned: readonly PersistentVolumeClaim[],
  allows: (storageClass: string) => boolean,
): ReadonlySet<string> {
  const expandable = new Map<string, boolean>();
  for (const claim of owned) {
    const name = claim.metadata.labels?.[PVC_TEMPLATE_NAME_LABEL];
    if (name === undefined || isTerminating(claim)) continue;
    const { storageClassName } = claim.spec;
    const canGrow = claim.status?.phase === 'Bound' && storageClassName !== undefined && allows(storageClassName);
    expandable.set(name, (expandable.get(name) ?? true) && canGrow);
  }
  return new Set([...expandable].filter(([, canGrow]) => canGrow).map(([name]) => name));
}
