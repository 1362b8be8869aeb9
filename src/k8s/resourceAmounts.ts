import { parseQuantity, quantityMilli, quantityValue } from './quantity.ts';

/**
 * Amounts of resources by name, exact, in billionths of a unit (the API's finest step): cores, bytes, pieces. Integers, so that
 * sums and comparisons need no rounding.
 */
export type ResourceAmounts = ReadonlyMap<string, bigint>;

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
  return Number(quantityMilli({ nano, format: 'DecimalSI' }));
}

/** In whole units, rounded up: what bytes are counted in. Exact up to 2^53. */
export function wholeValue(nano: bigint): number {
  return Number(quantityValue({ nano, format: 'DecimalSI' }));
}

function nanoOf(text: string): bigint | undefined {
  try {
    return parseQuantity(text).nano;
  } catch {
    return undefined;
  }
}
