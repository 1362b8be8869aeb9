import { quantityOf } from '../../../k8s/quantity.ts';
import type { Observations } from './observations.ts';
import { nanoAt, type Threshold } from './thresholds.ts';

/**
 * The thresholds that are crossed, whatever their grace. `withMinReclaim`: until there is as much more as evictionMinimumReclaim asks
 * for. A signal without an observation crosses nothing.
 */
export function thresholdsMet(
  thresholds: readonly Threshold[],
  observations: Observations,
  withMinReclaim = false,
): Threshold[] {
  return thresholds.filter(({ signal, value, minReclaim }) => {
    const observed = observations[signal];
    if (!observed) return false;
    const more = withMinReclaim && minReclaim ? nanoAt(minReclaim, observed.capacity) : 0n;
    return nanoAt(value, observed.capacity) + more > quantityOf(observed.available).nano;
  });
}
