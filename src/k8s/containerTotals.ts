import type { Container, PodSpec } from '../types/k8s.ts';

/** How amounts are added and compared: requests are counted in whole units, statuses show exact quantities. */
export interface Arithmetic<T> {
  plus(a: T, b: T): T;
  larger(a: T, b: T): T;
}

type Amounts<T> = ReadonlyMap<string, T>;

/** A sidecar: an init container that keeps running beside the regular ones (KEP-753). */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/**
 * What a Pod's containers need together: of each resource the larger of what runs for good and of the largest need while
 * initializing, where a plain init container runs beside the sidecars before it (KEP-753).
 */
export function totalOf<T>(
  spec: Partial<Pick<PodSpec, 'containers' | 'initContainers'>>,
  amountsOf: (container: Container) => Amounts<T>,
  arithmetic: Arithmetic<T>,
): Map<string, T> {
  const total = new Map<string, T>();
  const sidecars = new Map<string, T>();
  const peak = new Map<string, T>();
  for (const container of spec.containers ?? []) addTo(total, amountsOf(container), arithmetic);
  for (const container of spec.initContainers ?? []) {
    const during = new Map(amountsOf(container));
    if (isSidecar(container)) addTo(total, during, arithmetic);
    addTo(during, sidecars, arithmetic);
    if (isSidecar(container)) for (const [name, amount] of during) sidecars.set(name, amount);
    merge(peak, during, arithmetic.larger);
  }
  merge(total, peak, arithmetic.larger);
  return total;
}

/** Adds amounts in place. */
export function addTo<T>(total: Map<string, T>, more: Amounts<T>, { plus }: Arithmetic<T>): void {
  merge(total, more, plus);
}

function merge<T>(target: Map<string, T>, more: Amounts<T>, how: (a: T, b: T) => T): void {
  for (const [name, amount] of more) {
    const value = target.get(name);
    target.set(name, value === undefined ? amount : how(value, amount));
  }
}
