import type { ParsedQuantity } from '../../k8s/quantity.ts';
import { formatQuantity, parseQuantity, quantityMilli } from '../../k8s/quantity.ts';

/** A quantity, or undefined for text that is none: a status must not fail because of it. */
export function readQuantity(text: string | number | undefined): ParsedQuantity | undefined {
  if (text === undefined) return undefined;
  try {
    return parseQuantity(text);
  } catch {
    return undefined;
  }
}

/** A quantity's canonical text; what is not a quantity stays as it is. */
export function canonicalQuantity(text: string | number): string {
  const quantity = readQuantity(text);
  return quantity ? formatQuantity(quantity) : String(text);
}

/** In thousandths, rounded up; 0 if absent or unreadable. */
export function milliOf(text: string | undefined): number {
  const quantity = readQuantity(text);
  return quantity ? Number(quantityMilli(quantity)) : 0;
}
