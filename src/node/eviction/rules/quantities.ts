import { formatQuantity, type ParsedQuantity, parseQuantity } from '../../../k8s/quantity.ts';

/**
 * A quantity that a Pod chose. The API server lets some through that say nothing here (exponents of any length): those count as absent, so
 * that one Pod's text keeps nobody from looking at the others.
 */
export function quantityOrNone(text: string | undefined): ParsedQuantity | undefined {
  if (text === undefined) return undefined;
  try {
    return parseQuantity(text);
  } catch {
    return undefined;
  }
}

/** As the API writes it; what is no quantity stays as it is. */
export function canonical(text: string): string {
  const quantity = quantityOrNone(text);
  return quantity ? formatQuantity(quantity) : text;
}
