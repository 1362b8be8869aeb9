/** Waits until the condition holds, looking again 2 ms after each look. Throws after `ms`, by default just before jest would. */
export async function until(condition: () => boolean | Promise<boolean>, ms = 25_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`the condition did not come true within ${ms} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** What a promise rejects with; fails when it does not. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('the promise was expected to be rejected');
}
