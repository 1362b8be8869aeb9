// Durations in Go's notation ("1m30s"). Inside the program they are numbers of milliseconds.

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const WHOLE = /^[-+]?((\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$/;
const PART = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g;
/** Go counts nanoseconds in an int64: a longer duration is refused there too. */
const MAX_MS = 9_223_372_036_854.775;

/** Milliseconds of a duration such as `1h15m`, `1.5s`, `-2m` or `0`; undefined when the text is none. */
export function parseDuration(text: string): number | undefined {
  if (/^[-+]?0$/.test(text)) return 0;
  if (text.length > 100 || !WHOLE.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(PART)) total += Number(amount) * UNIT_MS[unit!]!;
  // Sums of decimal fractions are rounded to the nanosecond, as Go holds them.
  const rounded = Math.round(total * 1e6) / 1e6;
  if (rounded > MAX_MS) return undefined;
  return text.startsWith('-') && rounded !== 0 ? -rounded : rounded;
}

/** A duration as Go prints it: `1m30s`, `100ms`, `4h0m0s`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  const sign = ms < 0 ? '-' : '';
  const size = Math.abs(ms);
  if (size < 1e-3) return `${sign}${Math.round(size * 1e6)}ns`;
  if (size < 1) return `${sign}${trim(size * 1e3, 3)}µs`;
  if (size < 1000) return `${sign}${trim(size, 6)}ms`;
  const hours = Math.floor(size / 3_600_000);
  const minutes = Math.floor((size % 3_600_000) / 60_000);
  const seconds = `${trim((size % 60_000) / 1000, 9)}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

function trim(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
