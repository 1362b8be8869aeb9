import { waitFor } from '../../hack/lib/wait.ts';
import type { ReasonCode } from '../../src/timeline/reasons.ts';
import { patience } from './collection.ts';
import type { TestContext } from './test.ts';

/** Waits until the agent says that a Pod waits for `code`, in a sentence that matches. Fails with what it says instead. */
export async function expectWait(
  t: TestContext,
  pod: string,
  code: ReasonCode,
  sentence: RegExp,
  limit = patience,
): Promise<void> {
  const heard = new Set<string>();
  try {
    await waitFor('', { timeout: limit, interval: 50 }, async () => {
      const reasons = (await t.lab.why(t.namespace, pod))?.reasons ?? [];
      for (const r of reasons) heard.add(`${r.code}: ${r.sentence}`);
      return reasons.some((r) => r.code === code && sentence.test(r.sentence));
    });
  } catch {
    const said = [...heard].slice(-12).join('\n  ');
    throw new Error(`${pod} never waited for ${code} ${sentence}; what it said:\n  ${said || 'nothing'}`);
  }
}
