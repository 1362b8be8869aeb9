/**
 * Waits until all are settled, then gives the results or throws the first error in their order. Unlike Promise.all it leaves nothing
 * running behind a failure, so whoever repairs or retries does not race with it.
 */
export async function settleAll<T>(promises: Iterable<T | PromiseLike<T>>): Promise<Awaited<T>[]> {
  const outcomes = await Promise.allSettled(promises);
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

/** Runs the function over all items, at most `width` at once; the next group starts when the one before is done. */
export async function inGroups<T>(items: readonly T[], width: number, run: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += width) {
    await settleAll(items.slice(start, start + width).map(run));
  }
}
