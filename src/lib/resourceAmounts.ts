/**
 * Amounts of resources by name, exact, in billionths of a unit (the API's finest step): cores, bytes, pieces. Integers, so that
 * sums and comparisons need no rounding.
 */
export type ResourceAmounts = ReadonlyMap<string, bigint>;

const NANO_PER_MILLI = 1_000_000n;
const NANO_PER_UNIT = 1_000_000_000n;

/** Reads a resource list of the API; amounts that are no quantities count as absent (the API server lets none through). */
export function amountsOf(list: Readonly<Record<string, string>> | undefined): ResourceAmounts {
  const amounts = new Map<string, bigint>();
  for (const [name, text] of Object.entries(list ?? {})) {
    const nano = nanoOf(text);
    if (nano !== undefined) amounts.set(name, nano);
  }
  return amounts;
}

/** One amount of a list; 0 when it is absent. */
export function amountOf(list: Readonly<Record<string, string>> | undefined, name: string): bigint {
  const text = list && Object.hasOwn(list, name) ? list[name] : undefined;
  return text === undefined ? 0n : (nanoOf(text) ?? 0n);
}

/** In thousandths, rounded up: what CPU is counted in. */
export function milliValue(nano: bigint): number {
  return Number(ceilDivide(nano, NANO_PER_MILLI));
}

/** In whole units, rounded up: what bytes are counted in. Exact up to 2^53. */
export function wholeValue(nano: bigint): number {
  return Number(ceilDivide(nano, NANO_PER_UNIT));
}

function ceilDivide(value: bigint, by: bigint): bigint {
  return value > 0n ? (value + by - 1n) / by : value / by;
}

const FORM = /^([+-]?)(\d*)(?:\.(\d*))?(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?\d{1,3}))?$/;
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];

/** A quantity in billionths, what is finer rounded away from zero; undefined when the text is no quantity. */
function nanoOf(text: string): bigint | undefined {
  const match = FORM.exec(String(text));
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', suffix = '', exponent] = match;
  if (whole === '' && fraction === '') return undefined;
  const binary = suffix === '' ? 0 : Math.max(BINARY.indexOf(suffix), 0);
  // In powers of ten of a billionth.
  const power = exponent === undefined ? (binary > 0 ? 9 : DECIMAL.indexOf(suffix) * 3) : Number(exponent) + 9;
  const digits = BigInt(whole + fraction) * 1024n ** BigInt(binary);
  const scale = power - fraction.length;
  if (scale >= 0) return signed(sign, digits * 10n ** BigInt(scale));
  const divisor = 10n ** BigInt(-scale);
  return signed(sign, (digits + divisor - 1n) / divisor);
}

function signed(sign: string | undefined, amount: bigint): bigint {
  return sign === '-' ? -amount : amount;
}
