import type { LabelSelector, LabelSelectorRequirement } from './core.ts';
import { own } from './own.ts';

/** True when `labels` satisfy all of `selector`: no selector matches nothing, an empty one everything. */
export function matchesSelector(
  selector: LabelSelector | undefined,
  labels: Readonly<Record<string, string>> = {},
): boolean {
  if (!selector) return false;
  const equal = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => own(labels, key) === value);
  return equal && (selector.matchExpressions ?? []).every((requirement) => satisfies(requirement, labels));
}

/** True when `labels` satisfy the selector of a Service: an empty one selects nothing, its endpoints are made by others. */
export function hasLabels(
  selector: Readonly<Record<string, string>> = {},
  labels?: Readonly<Record<string, string>>,
): boolean {
  return Object.keys(selector).length > 0 && matchesSelector({ matchLabels: selector }, labels);
}

function satisfies(
  { key, operator, values = [] }: LabelSelectorRequirement,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = own(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      // Malformed, which the CRD refuses: an object stored without it must not select by accident.
      return false;
  }
}

/**
 * The selector as the API's `labelSelector` parameter and /scale write it: `app=web,tier in (a,b),!old`. Sorted, so equal selectors
 * give equal strings. Empty for the empty selector (everything).
 */
export function selectorToString(selector: LabelSelector): string {
  const equal = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const others = (selector.matchExpressions ?? []).map(requirementToString);
  return [...equal, ...others].toSorted().join(',');
}

function requirementToString({ key, operator, values = [] }: LabelSelectorRequirement): string {
  switch (operator) {
    case 'In':
      return `${key} in (${values.toSorted().join(',')})`;
    case 'NotIn':
      return `${key} notin (${values.toSorted().join(',')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
    default:
      throw new Error(
        `label selector: operator ${String(operator)} of key ${key} is not In, NotIn, Exists or DoesNotExist`,
      );
  }
}
