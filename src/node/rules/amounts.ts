import { amountsOf } from '../../k8s/resourceAmounts.ts';

const NANO = 1_000_000_000n;
const MILLI = 1_000_000n;

/** A whole number of bytes in the canonical form of the API's binary format: `1Gi`, `24684092Ki`, `123`. */
export function formatBytes(bytes: bigint): string {
  if (bytes === 0n) return '0';
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
  let unit = 0;
  let value = bytes;
  while (unit < units.length - 1 && value % 1024n === 0n) {
    value /= 1024n;
    unit++;
  }
  return `${value}${units[unit]}`;
}

/** Thousandths of a core: `4`, `3920m`. */
export function formatMilli(milli: bigint): string {
  return milli % 1000n === 0n ? `${milli / 1000n}` : `${milli}m`;
}

/** An amount in billionths, as the node shows this resource. Fractions of a byte are rounded up. */
export function formatAmount(resource: string, nano: bigint): string {
  if (resource === 'cpu') return formatMilli(ceil(nano, MILLI));
  const whole = ceil(nano, NANO);
  return isBytes(resource) ? formatBytes(whole) : `${whole}`;
}

function isBytes(resource: string): boolean {
  return resource === 'memory' || resource === 'ephemeral-storage' || resource.startsWith('hugepages-');
}

function ceil(value: bigint, by: bigint): bigint {
  return value > 0n ? (value + by - 1n) / by : value / by;
}

/** Whether two quantities of the API are the same amount (`1000m` and `1`); text that is no quantity only equals itself. */
export function sameQuantity(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  const [x, y] = [amountsOf({ a }).get('a'), amountsOf({ b }).get('b')];
  return x !== undefined && x === y;
}
