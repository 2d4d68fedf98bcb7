// A port of k8s.io/apimachinery/pkg/api/resource: how Go writes a quantity that it has read. Go keeps a spelling that looks canonical and
// rewrites any other, so equal amounts may have different results.

const FORM = /^([+-]?)0*(\d*)(?:\.(\d*))?([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,3})?$/;
const DECIMAL_SUFFIXES = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY_SUFFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const NANOS_PER_UNIT = 1_000_000_000n;
const MAX = 2n ** 63n - 1n;

type Format = 'decimal' | 'exponent' | 'binary';

/** The quantity as Go writes it after reading `value`. Returns an invalid quantity unchanged. */
export function goQuantity(value: unknown): string {
  const text = String(value).trim();
  const match = FORM.exec(text);
  if (!match || !/\d/.test(text.split(/[a-zA-Z]/, 1)[0] ?? '')) return text;
  const [, sign, digits = '', fraction = '', suffix = ''] = match;
  const whole = digits || '0';
  const { format, exponent } = scaleOf(suffix);
  if (text === '0' || isKept({ whole, fraction, format, exponent })) return text;
  const amount = BigInt(`${whole}${fraction}`);
  const nanos = ceilDiv(
    format === 'binary' ? (amount * NANOS_PER_UNIT) << BigInt(exponent) : amount * power(exponent + 9),
    power(fraction.length) * power(-exponent - 9),
  );
  const capped = format === 'binary' && nanos > MAX * NANOS_PER_UNIT ? MAX * NANOS_PER_UNIT : nanos;
  return capped === 0n ? '0' : `${sign === '-' ? '-' : ''}${canonical(capped, format)}`;
}

function scaleOf(suffix: string): { format: Format; exponent: number } {
  if (suffix.endsWith('i')) return { format: 'binary', exponent: BINARY_SUFFIXES.indexOf(suffix) * 10 };
  const index = DECIMAL_SUFFIXES.indexOf(suffix);
  if (index >= 0) return { format: 'decimal', exponent: (index - 3) * 3 };
  return { format: 'exponent', exponent: Number(suffix.slice(1)) };
}

/** True if Go keeps the spelling, which its fast path for parsing does. */
function isKept(quantity: { whole: string; fraction: string; format: Format; exponent: number }): boolean {
  const { whole, fraction, format, exponent } = quantity;
  const shifted = `${whole}${fraction}`;
  if (format === 'binary') {
    const fits = fraction === '' && 14 - whole.length - Math.trunc(exponent * 0.3) >= 0;
    return fits && BigInt(whole) << BigInt(exponent) <= MAX && (BigInt(whole) & 7n) !== 0n;
  }
  const scale = exponent - fraction.length;
  return shifted.length <= 18 && scale >= -9 && scale % 3 === 0 && !shifted.endsWith('000') && !shifted.startsWith('0');
}

function canonical(nanos: bigint, format: Format): string {
  const units = nanos / NANOS_PER_UNIT;
  const isWhole = nanos % NANOS_PER_UNIT === 0n;
  if (format === 'binary' && isWhole && units >= 1024n) {
    let [mantissa, power1024] = [units, 0];
    while (mantissa % 1024n === 0n) [mantissa, power1024] = [mantissa / 1024n, power1024 + 1];
    return `${mantissa}${BINARY_SUFFIXES[power1024]}`;
  }
  let [mantissa, exponent] = [nanos, -9];
  while (mantissa % 10n === 0n) [mantissa, exponent] = [mantissa / 10n, exponent + 1];
  while (exponent % 3 !== 0) [mantissa, exponent] = [mantissa * 10n, exponent - 1];
  if (format === 'exponent') return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`;
  return `${mantissa}${DECIMAL_SUFFIXES[exponent / 3 + 3] ?? ''}`;
}

function power(exponent: number): bigint {
  return exponent > 0 ? 10n ** BigInt(exponent) : 1n;
}

/** The quotient, rounded up. The sign is handled by the caller. */
function ceilDiv(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b;
}
