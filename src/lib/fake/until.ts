/** Between two looks at a condition. */
const PAUSE_MS = 2;

/**
 * Waits until the condition holds, looking again 2 ms after each look. Throws after as many looks as `ms` has room for. Looks, not time: on a
 * machine that is busy with something else they come as much later as what is waited for.
 */
export async function until(condition: () => boolean | Promise<boolean>, ms = 25_000): Promise<void> {
  for (let looks = Math.ceil(ms / PAUSE_MS); !(await condition()); looks--) {
    if (looks <= 0) throw new Error(`the condition did not come true in ${ms} ms of looks: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
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
