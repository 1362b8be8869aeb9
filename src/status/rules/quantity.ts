// The little of Kubernetes' resource.Quantity that statuses need: exact sums, comparison, canonical text.

type Format = 'decimal' | 'binary' | 'exponent';

/** An exact amount, in billionths, with the kind of suffix it is written with. */
export interface Amount {
  readonly nano: bigint;
  readonly format: Format;
}

const nanoPerUnit = 1_000_000_000n;
const decimalSuffixes = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'] as const;
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const;

/** Reads a quantity; undefined if it is none. Amounts below a billionth are rounded up, as the API server does. */
export function parseAmount(text: string | number): Amount | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d+))?$/.exec(String(text));
  if (!match || `${match[2]}${match[3] ?? ''}` === '') return undefined;
  const [, sign, whole = '', fraction = '', suffix = '', exponent] = match;
  const digits = BigInt(`${whole}${fraction}`);
  const scale = exponent === undefined ? scaleOf(suffix) : tenTo(9 + Number(exponent));
  if (!scale) return undefined;
  const divisor = scale.divisor * 10n ** BigInt(fraction.length);
  const product = digits * scale.factor;
  const nano = product / divisor + (product % divisor === 0n ? 0n : 1n);
  const format = exponent !== undefined ? 'exponent' : suffix.endsWith('i') ? 'binary' : 'decimal';
  return { nano: sign === '-' ? -nano : nano, format };
}

/** The sum; a zero takes the other one's way of writing. */
export function addAmounts(a: Amount, b: Amount): Amount {
  return { nano: a.nano + b.nano, format: a.nano === 0n ? b.format : a.format };
}

/** The canonical text: the largest suffix that needs no fraction. */
export function formatAmount({ nano, format }: Amount): string {
  if (nano === 0n) return '0';
  const whole = nano / nanoPerUnit;
  if (format === 'binary' && nano % nanoPerUnit === 0n && (whole >= 1024n || whole <= -1024n)) {
    return withLargestSuffix(whole, 1024n, binarySuffixes);
  }
  const text = withLargestSuffix(nano, 1000n, decimalSuffixes);
  return format === 'exponent' ? asExponent(text) : text;
}

/** A quantity's canonical text; what is not a quantity stays as it is. */
export function canonicalQuantity(text: string | number): string {
  const amount = parseAmount(text);
  return amount ? formatAmount(amount) : String(text);
}

/** CPU in thousandths, rounded up; 0 if absent or unreadable. */
export function milliOf(text: string | number | undefined): number {
  const nano = text === undefined ? 0n : (parseAmount(text)?.nano ?? 0n);
  return Number((nano + 999_999n) / 1_000_000n);
}

function withLargestSuffix(value: bigint, base: bigint, suffixes: readonly string[]): string {
  let rest = value;
  let index = 0;
  while (index < suffixes.length - 1 && rest % base === 0n) {
    rest /= base;
    index++;
  }
  return `${rest}${suffixes[index]}`;
}

function asExponent(decimal: string): string {
  const suffix = /[a-zA-Z]$/.exec(decimal)?.[0] ?? '';
  const power = (decimalSuffixes.indexOf(suffix as (typeof decimalSuffixes)[number]) - 3) * 3;
  const digits = suffix === '' ? decimal : decimal.slice(0, -1);
  return power === 0 ? digits : `${digits}e${power}`;
}

function scaleOf(suffix: string): { factor: bigint; divisor: bigint } | undefined {
  const binary = binarySuffixes.indexOf(suffix as (typeof binarySuffixes)[number]);
  if (suffix !== '' && binary >= 0) return { factor: nanoPerUnit * 1024n ** BigInt(binary), divisor: 1n };
  const decimal = decimalSuffixes.indexOf(suffix as (typeof decimalSuffixes)[number]);
  return decimal >= 0 ? tenTo(decimal * 3) : undefined;
}

function tenTo(power: number): { factor: bigint; divisor: bigint } {
  // Beyond the API's own range; keeps a hostile exponent from building a huge number.
  const clamped = Math.max(-40, Math.min(40, power));
  return clamped >= 0
    ? { factor: 10n ** BigInt(clamped), divisor: 1n }
    : { factor: 1n, divisor: 10n ** BigInt(-clamped) };
}
