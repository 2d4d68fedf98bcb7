import { own } from '@kuperator/api';

const DECIMAL: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Record<string, bigint> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };
const FORM = /^([+-]?)(\d*)(?:\.(\d*))?(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,2}))?$/;

/**
 * One spelling for equal quantities: `1`, `1000m` and `1.0` come out alike, so do `1Gi` and `1024Mi`.
 * What is no quantity comes back unchanged.
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
  // In nanos, the finest a quantity can say; anything finer keeps its own spelling.
  if (power < 0) return shifted % 10n ** BigInt(-power) === 0n ? spell(sign, shifted / 10n ** BigInt(-power)) : text;
  return spell(sign, shifted * 10n ** BigInt(power));
}

function spell(sign: string | undefined, nanos: bigint): string {
  return `${sign === '-' && nanos !== 0n ? '-' : ''}${nanos}n`;
}

/** A quantity as a number of nanos; undefined when it is none, or finer than that. */
export function nanosOf(value: unknown): bigint | undefined {
  const text = canonicalQuantity(value);
  return /^-?\d+n$/.test(text) ? BigInt(text.slice(0, -1)) : undefined;
}

/** As `canonicalQuantity`, rounded up to thousandths as the API server does with resources. */
export function roundedQuantity(value: unknown): string {
  const nanos = /^(\d+)n$/.exec(canonicalQuantity(value))?.[1];
  if (nanos === undefined) return canonicalQuantity(value);
  return spell(undefined, ((BigInt(nanos) + 999_999n) / 1_000_000n) * 1_000_000n);
}
