import type { LabelSelector, LabelSelectorRequirement } from './core.ts';
import { own } from './own.ts';

/** True if `labels` satisfy the selector. A missing selector matches nothing, an empty one everything. */
export function matchesSelector(
  selector: LabelSelector | undefined,
  labels: Readonly<Record<string, string>> = {},
): boolean {
  if (!selector) return false;
  const equal = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => own(labels, key) === value);
  return equal && (selector.matchExpressions ?? []).every((requirement) => satisfies(requirement, labels));
}

/** True if `labels` satisfy the selector of a Service. An empty one selects nothing: users manage the endpoints of such a Service. */
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
      // The CRD refuses a malformed selector; one that was stored before must not select Pods by accident.
      return false;
  }
}

/**
 * Returns the selector in the form of the API's `labelSelector` parameter and of /scale: `app=web,tier in (a,b),!old`. The terms are
 * sorted, so equal selectors give equal strings. The empty selector (everything) gives the empty string.
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
