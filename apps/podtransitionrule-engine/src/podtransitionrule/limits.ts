import type { AvailablePolicy } from '@kuperator/api';

export type Limits = { readonly maxUnavailable: number; readonly minAvailable: number };

/** The number of Pods to which a share refers, and how the result is rounded. */
type Scale = { readonly total: number; readonly round: (exact: number) => number };
type Adaptive = AvailablePolicy['maxUnavailablePolicy'];

/**
 * The limits a policy sets for `total` Pods. maxUnavailable is rounded up and minAvailable down, as the Go implementation
 * does with percentages (against its own documentation) and so with functions as well: one direction for all. A limit
 * that is not set does not apply; of a value and a function the stricter one applies. A `problem` must be corrected by the user.
 * See docs/decisions/0010-budgets-that-grow-with-the-pods.md.
 */
export function limitsOf(policy: AvailablePolicy, total: number): Limits | { problem: string } {
  const up = { total, round: Math.ceil };
  const down = { total, round: Math.floor };
  const max = [
    scaled('maxUnavailableValue', policy.maxUnavailableValue, up),
    adapted('maxUnavailablePolicy', policy.maxUnavailablePolicy, up),
  ];
  const min = [
    scaled('minAvailableValue', policy.minAvailableValue, down),
    adapted('minAvailablePolicy', policy.minAvailablePolicy, down),
  ];
  const set = [...max, ...min].filter((limit) => limit !== undefined);
  const problem = set.find((limit) => typeof limit === 'string');
  if (problem !== undefined) return { problem };
  if (set.length === 0) return { problem: 'sets neither maxUnavailable nor minAvailable' };
  const numbers = (limits: typeof max) => limits.filter((limit) => typeof limit === 'number');
  const maxUnavailable = numbers(max);
  return {
    maxUnavailable: maxUnavailable.length > 0 ? Math.min(...maxUnavailable) : total,
    minAvailable: numbers(min).length > 0 ? Math.max(...numbers(min)) : 0,
  };
}

/** A number unchanged, a percentage as a share of `total`, or text that says what is wrong. As in Go, the result is not limited to 0…total. */
function scaled(field: string, value: number | string | undefined, { total, round }: Scale) {
  if (value === undefined || Number.isInteger(value)) return value as number | undefined;
  const percent = /^([+-]?\d+)%$/.exec(String(value))?.[1];
  if (percent !== undefined) return round((Number(percent) * total) / 100);
  return `${field} ${JSON.stringify(value)} is neither a whole number nor a whole percentage such as "25%"`;
}

/** `coeff * total ^ pow`, limited to 0…total, or text that says what is wrong. */
function adapted(field: string, policy: Adaptive, { total, round }: Scale): number | string | undefined {
  const { coeff = '', pow = '' } = policy?.expFunc ?? {};
  if (coeff === '' && pow === '') return undefined;
  for (const [name, text] of [
    ['coeff', coeff],
    ['pow', pow],
  ] as const) {
    if (!DECIMAL.test(text)) return `${field}.expFunc.${name} ${JSON.stringify(text)} is not a decimal such as "0.5"`;
  }
  // 0.1 * 30 is a little more than 3 in binary. Such a result must not be rounded up to the next whole number.
  const exact = Number((Number(coeff) * total ** Number(pow)).toPrecision(12));
  // No Pods and a negative power give 0 times infinity.
  return Number.isNaN(exact) ? 0 : Math.min(total, Math.max(0, round(exact)));
}

const DECIMAL = /^[+-]?(\d+(\.\d*)?|\.\d+)$/;
