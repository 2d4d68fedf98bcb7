const DECIMAL: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Record<string, bigint> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };
const FORM = /^([+-]?)(\d*)(?:\.(\d*))?(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,2}))?$/;

const DECIMAL_SUFFIXES: Record<number, string> = Object.fromEntries(
  Object.entries(DECIMAL).map(([suffix, power]) => [power, suffix]),
);
const BINARY_SUFFIXES = ['', ...Object.keys(BINARY)];
const NANO = 10n ** 9n;

/**
 * The spelling in which Go writes the quantity out again (`resource.Quantity`, MarshalJSON): `1024Mi` comes out as `1Gi`, `0.5Gi` as
 * `512Mi`, while `1073741824` keeps its decimal form. What is no quantity comes back unchanged.
 */
export function goQuantity(value: unknown): string {
  const text = String(value);
  const parts = partsOf(text);
  if (!parts) return text;
  const { sign, nanos, form } = parts;
  if (nanos === 0n) return '0';
  const isBinary = form === 'binary' && nanos % NANO === 0n && nanos >= 1024n * NANO;
  if (!isBinary) return sign + decimalText(nanos, form === 'exponent');
  let whole = nanos / NANO;
  let power = 0;
  for (; whole % 1024n === 0n && power < BINARY_SUFFIXES.length - 1; power++) whole /= 1024n;
  return `${sign}${whole}${BINARY_SUFFIXES[power]}`;
}

/** The fewest digits with an exponent that is a multiple of three. */
function decimalText(nanos: bigint, isExponent: boolean): string {
  let digits = nanos;
  let power = -9;
  for (; digits % 1000n === 0n && (isExponent || power < 18); power += 3) digits /= 1000n;
  if (isExponent) return power === 0 ? `${digits}` : `${digits}e${power}`;
  return `${digits}${DECIMAL_SUFFIXES[power]}`;
}

/** The amount in nanos, the finest a quantity can say, rounded away from zero; undefined for what is no quantity. */
function partsOf(text: string): { sign: string; nanos: bigint; form: 'binary' | 'decimal' | 'exponent' } | undefined {
  const match = FORM.exec(text);
  if (!match || `${match[2]}${match[3] ?? ''}` === '') return undefined;
  const [, sign, whole = '', fraction = '', suffix = '', exponent] = match;
  const binary = BINARY[suffix];
  const power = (exponent === undefined ? (DECIMAL[suffix] ?? 0) : Number(exponent)) + 9 - fraction.length;
  const digits = BigInt(`${whole}${fraction}`) << (binary ?? 0n);
  const divisor = 10n ** BigInt(Math.max(0, -power));
  const nanos = power < 0 ? (digits + divisor - 1n) / divisor : digits * 10n ** BigInt(power);
  const form = binary !== undefined ? 'binary' : exponent !== undefined ? 'exponent' : 'decimal';
  return { sign: sign === '-' ? '-' : '', nanos, form };
}

/**
 * One spelling for equal quantities: `1`, `1000m` and `1.0` come out alike, so do `1Gi` and `1024Mi`.
 * What is no quantity comes back unchanged.
 */
export function canonicalQuantity(value: unknown): string {
  const text = String(value);
  const match = FORM.exec(text);
  if (!match || text === '' || `${match[2]}${match[3] ?? ''}` === '') return text;
  const [, sign, whole = '', fraction = '', suffix = '', exponent] = match;
  const binary = BINARY[suffix];
  const power = (exponent === undefined ? (DECIMAL[suffix] ?? 0) : Number(exponent)) + 9 - fraction.length;
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
