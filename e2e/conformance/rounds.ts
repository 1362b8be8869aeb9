import { say } from '../../hack/lib/log.ts';
import type { Summary } from './conformance.ts';

/**
 * Runs round after round until one is not green: a spec failed, or has no result because the time was up. Each round is told how many
 * milliseconds are left of `limit`. Returns the last round's summary. Rounds in which nothing passed would go on for ever: one ends it.
 */
export async function untilItFails(
  round: (left: number | undefined) => Promise<Summary>,
  limit: number | undefined,
): Promise<Summary> {
  const began = performance.now();
  for (let number = 1; ; number++) {
    const left = limit === undefined ? undefined : Math.max(1, limit - (performance.now() - began));
    const summary = await round(left);
    const { passed, failed, missing } = summary;
    say(`round ${number}: ${passed} passed, ${failed} failed, ${missing} without a result`);
    if (failed > 0 || missing > 0 || passed === 0) return summary;
  }
}
