import { isTerminating, type PersistentVolumeClaim, PVC_TEMPLATE_NAME_LABEL } from '@kuperator/api';
import { meaningOf } from '../revision/meaning.ts';
import { canonicalQuantity } from '../revision/quantity.ts';
import type { ClaimTemplate } from '../revision/revision-data.ts';
import { isButForSize, plainTemplate, sizeOf } from './claim-template.ts';

const CLAIM = 'PersistentVolumeClaim';

/** Names of the templates that only ask for more storage; `other` when anything else differs. */
export type ClaimDifference = { readonly grows: readonly string[] } | 'other';

/** @param to templates in any order; one more or one less is a difference of its own */
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

/** False also when one of them is missing or is no quantity. */
export function isLess(a: string | undefined, b: string | undefined): boolean {
  const [left, right] = [a, b].map((size) => /^(\d+)n$/.exec(canonicalQuantity(size ?? ''))?.[1]);
  return left !== undefined && right !== undefined && BigInt(left) < BigInt(right);
}

function withoutSize(template: ClaimTemplate): ClaimTemplate {
  const { storage: _, ...requests } = template.spec?.resources?.requests ?? {};
  return { ...template, spec: { ...template.spec, resources: { ...template.spec?.resources, requests } } };
}

/** True if an expansion would make the bound claim what the template asks for. */
export function canGrowTo(claim: PersistentVolumeClaim, template: ClaimTemplate): boolean {
  return claim.status?.phase === 'Bound' && isLess(sizeOf(claim), sizeOf(template)) && isButForSize(claim, template);
}

/** StorageClasses of claims that could be expanded if these allow it: only bound ones can. */
export function classesOf(claims: readonly PersistentVolumeClaim[]): ReadonlySet<string> {
  return new Set(claims.flatMap(({ spec }) => spec.storageClassName || []));
}

/**
 * Claim templates whose existing claims can all be expanded where they are.
 * @param allows whether a StorageClass allows expansion
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
