import { own } from '@kuperator/api';

const DECIMAL: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Record<string, bigint> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };
const FORM = /^([+-]?)(\d*)(?:\.(\d*))?(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,2}))?$/;

/**
 * A spelling that is the same for equal quantities, such as `1`, `1000m` and `1.0`, or `1Gi` and `1024Mi`. Returns an invalid quantity
 * unchanged.
 */
export function canonicalQuantity(value: unknown): string {
  const text = String(value);
  const match = FORM.exec(text);
  if (!match || text === '' || `${match[2]}${match[3] ?? ''}` === '') return text;
  const [, sign, whole = '', fraction = '', suffix = '', exponent] = match;
  const binary = own(BINARY, suffix);
  const power = (exponent === undefined ? (own(DECIMAL, suffix) ?? 0) : Number(exponent)) + 9 - fraction.length;
  const digits = BigInt(`${whole}${fraction}` || '0');
  const shifted = binary === undefined ? digits : digits << binary;
  // The result is in nanos, the smallest unit of a quantity. An amount that is not a whole number of nanos keeps its spelling.
  if (power < 0) return shifted % 10n ** BigInt(-power) === 0n ? spell(sign, shifted / 10n ** BigInt(-power)) : text;
  return spell(sign, shifted * 10n ** BigInt(power));
}

function spell(sign: string | undefined, nanos: bigint): string {
  return `${sign === '-' && nanos !== 0n ? '-' : ''}${nanos}n`;
}

/** The quantity in nanos; undefined if it is invalid or not a whole number of nanos. */
export function nanosOf(value: unknown): bigint | undefined {
  const text = canonicalQuantity(value);
  return /^-?\d+n$/.test(text) ? BigInt(text.slice(0, -1)) : undefined;
}

/** Like `canonicalQuantity`, but rounds up to thousandths, as the API server does with resources. */
export function roundedQuantity(value: unknown): string {
  const nanos = /^(\d+)n$/.exec(canonicalQuantity(value))?.[1];
  if (nanos === undefined) return canonicalQuantity(value);
  return spell(undefined, ((BigInt(nanos) + 999_999n) / 1_000_000n) * 1_000_000n);
}
