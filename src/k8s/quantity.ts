import { KubeletError } from '../lib/errors.ts';

/** How a quantity was written, and so how a sum that starts with it is written. */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/** A Kubernetes quantity, exact: in billionths, the finest step that resource.Quantity knows. */
export interface ParsedQuantity {
  readonly nano: bigint;
  readonly format: QuantityFormat;
}
/** Where a quantity is taken, its text (or a number, as YAML may have it) will do. */
export type QuantityLike = ParsedQuantity | string | number;

const NANO = 1_000_000_000n;
const MILLI_IN_NANO = 1_000_000n;
/** resource.Quantity caps binary quantities at the largest int64. */
const MAX_BINARY_NANO = (2n ** 63n - 1n) * NANO;
/** Longer exponents are never meant and would make numbers of that many digits. */
const MAX_EXPONENT = 60;

const DECIMAL_EXPONENTS: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY_POWERS: Record<string, number> = { Ki: 1, Mi: 2, Gi: 3, Ti: 4, Pi: 5, Ei: 6 };
const DECIMAL_SUFFIX = new Map(Object.entries(DECIMAL_EXPONENTS).map(([suffix, exponent]) => [exponent, suffix]));
const BINARY_SUFFIX = ['', ...Object.keys(BINARY_POWERS)];
const SYNTAX = /^([+-]?)(\d*)(?:\.(\d*))?((?:[numkMGTPE]|[KMGTPE]i)?|[eE][+-]?\d+)$/;

const abs = (value: bigint) => (value < 0n ? -value : value);

/** Integer division that rounds away from zero: some resource must never become none. */
function divideUp(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  if (quotient * by === value) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
}

/** Reads a quantity. Throws InvalidQuantity. What is finer than a billionth is rounded away from zero. */
export function parseQuantity(text: string | number): ParsedQuantity {
  const match = SYNTAX.exec(String(text));
  const whole = match?.[2] ?? '';
  const fraction = match?.[3] ?? '';
  if (!match || match[0] === '') throw invalid(text);
  const suffix = match[4]!;
  // As resource.Quantity, a suffix or sign without digits is zero: the API server lets it pass.
  const digits = BigInt(whole + fraction || '0') * (match[1] === '-' ? -1n : 1n);
  const power = BINARY_POWERS[suffix];
  if (power !== undefined) {
    const nano = divideUp(digits * 1024n ** BigInt(power) * NANO, 10n ** BigInt(fraction.length));
    return { nano: nano > MAX_BINARY_NANO ? MAX_BINARY_NANO : nano, format: 'BinarySI' };
  }
  const scientific = /^[eE].+/.test(suffix);
  const exponent = scientific ? Number(suffix.slice(1)) : DECIMAL_EXPONENTS[suffix]!;
  if (Math.abs(exponent) > MAX_EXPONENT) throw invalid(text);
  const shift = exponent + 9 - fraction.length;
  const nano = shift >= 0 ? digits * 10n ** BigInt(shift) : divideUp(digits, 10n ** BigInt(-shift));
  return { nano, format: scientific ? 'DecimalExponent' : 'DecimalSI' };
}

function invalid(text: string | number): KubeletError {
  return new KubeletError(
    `${JSON.stringify(text)} is not a quantity; write a number with an optional suffix such as 100m, 2, 64Mi or 1e3`,
    {
      code: 'InvalidQuantity',
    },
  );
}

const parsed = (quantity: QuantityLike) => (typeof quantity === 'object' ? quantity : parseQuantity(quantity));

/** Makes a quantity of an integer, e.g. of bytes: `quantityOf(1n << 30n, 'BinarySI')`. Numbers must be safe integers. */
export function quantityOf(value: bigint | number, format: QuantityFormat = 'DecimalSI'): ParsedQuantity {
  return { nano: BigInt(value) * NANO, format };
}

/** Makes a quantity of thousandths, e.g. of CPU millicores. */
export function quantityOfMilli(milli: bigint | number, format: QuantityFormat = 'DecimalSI'): ParsedQuantity {
  return { nano: BigInt(milli) * MILLI_IN_NANO, format };
}

/** The value in whole units, rounded away from zero, like Quantity.Value(). */
export function quantityValue(quantity: QuantityLike): bigint {
  return divideUp(parsed(quantity).nano, NANO);
}

/** The value in thousandths, rounded away from zero, like Quantity.MilliValue(). */
export function quantityMilli(quantity: QuantityLike): bigint {
  return divideUp(parsed(quantity).nano, MILLI_IN_NANO);
}

/** As a floating-point number, for metrics and ratios. */
export function quantityNumber(quantity: QuantityLike): number {
  const { nano } = parsed(quantity);
  return Number(nano / NANO) + Number(nano % NANO) / 1e9;
}

/** Negative, zero or positive, as `a` is less than, equal to or more than `b`. */
export function compareQuantities(a: QuantityLike, b: QuantityLike): number {
  const left = parsed(a).nano;
  const right = parsed(b).nano;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** a + b, written like `a`, or like `b` if `a` is zero. */
export function addQuantities(a: QuantityLike, b: QuantityLike): ParsedQuantity {
  const left = parsed(a);
  const right = parsed(b);
  return { nano: left.nano + right.nano, format: left.nano === 0n ? right.format : left.format };
}

/** a − b, written like `a`, or like `b` if `a` is zero. */
export function subtractQuantities(a: QuantityLike, b: QuantityLike): ParsedQuantity {
  const right = parsed(b);
  return addQuantities(a, { nano: -right.nano, format: right.format });
}

/** The larger of two; `a` if they are equal. */
export function maxQuantity(a: QuantityLike, b: QuantityLike): ParsedQuantity {
  return compareQuantities(a, b) >= 0 ? parsed(a) : parsed(b);
}

/** The canonical text, byte for byte as the API server writes it: no fraction, the largest suffix that keeps it exact. */
export function formatQuantity(quantity: QuantityLike): string {
  const { nano, format } = parsed(quantity);
  if (nano === 0n) return '0';
  // Binary suffixes only for whole numbers of 1024 and more; anything else is written in decimal so that nothing is lost.
  if (format === 'BinarySI' && nano % NANO === 0n && abs(nano) >= 1024n * NANO) return binary(nano / NANO);
  return decimal(nano, format === 'DecimalExponent');
}

function binary(value: bigint): string {
  let rest = value;
  let power = 0;
  while (power < 6 && rest % 1024n === 0n) {
    rest /= 1024n;
    power++;
  }
  return `${rest}${BINARY_SUFFIX[power]}`;
}

function decimal(nano: bigint, scientific: boolean): string {
  let rest = nano;
  let exponent = -9;
  const limit = scientific ? MAX_EXPONENT : 18;
  while (exponent + 3 <= limit && rest % 1000n === 0n) {
    rest /= 1000n;
    exponent += 3;
  }
  if (scientific) return exponent === 0 ? String(rest) : `${rest}e${exponent}`;
  return `${rest}${DECIMAL_SUFFIX.get(exponent)}`;
}
