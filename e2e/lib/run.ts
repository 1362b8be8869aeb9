import { setTimeout as delay } from 'node:timers/promises';
import { elapsed, say } from '../../hack/lib/log.ts';
import type { Lab } from './lab.ts';
import { nodeReport } from './report.ts';
import type { Group, Mode, Test, TestContext } from './test.ts';
import { makeNamespace, removeNamespace } from './workspace.ts';

/** A test with the name it is called by. */
export interface NamedTest extends Test {
  readonly title: string;
  /** Fits into names of the API and of directories. */
  readonly slug: string;
}

export interface Outcome {
  readonly title: string;
  readonly error?: unknown;
}

/** All tests with their titles; `only` keeps those whose title contains one of its texts. */
export function select(groups: readonly Group[], only: readonly string[]): NamedTest[] {
  const named = groups.flatMap((g) => g.tests.map((t) => ({ ...t, title: `${g.name}/${t.name}` })));
  const wanted = named.filter(({ title }) => only.length === 0 || only.some((text) => title.includes(text)));
  return wanted.map((t, index) => ({
    ...t,
    slug: `t${index}-${t.title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`.slice(0, 40).replace(/-+$/, ''),
  }));
}

async function runOne(test: NamedTest, lab: Lab | undefined, full: boolean): Promise<Outcome> {
  const start = performance.now();
  const notes: string[] = [];
  const note = (text: string): void => void notes.push(text);
  try {
    if (test.ownLab) await test.run({ namespace: '', directory: '', full, note, lab: undefined as unknown as Lab });
    else await runInNamespace(test, lab as Lab, { full, note });
    say(`ok    ${test.title} (${elapsed(start)})${notes.length > 0 ? `: ${notes.join('; ')}` : ''}`);
    return { title: test.title };
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    say(`FAILED ${test.title} (${elapsed(start)})${notes.length > 0 ? `: ${notes.join('; ')}` : ''}\n${text}`);
    return { title: test.title, error };
  }
}

async function runInNamespace(test: NamedTest, lab: Lab, more: Pick<TestContext, 'full' | 'note'>): Promise<void> {
  const context = { ...more, lab, namespace: test.slug, directory: lab.directory(test.slug) };
  if (test.mode === 'last') return test.run(context); // it makes nothing
  try {
    await makeNamespace(lab, test.slug);
    await test.run(context);
  } catch (error) {
    console.log(nodeReport(lab, test.slug));
    throw error;
  } finally {
    const gone = removeNamespace(lab, test.slug);
    if (test.mode === 'alone') await gone;
    else gone.catch((error) => say(`after ${test.title}: ${(error as Error).message}`));
  }
}

async function runMode(tests: readonly NamedTest[], mode: Mode, jobs: number, run: (t: NamedTest) => Promise<Outcome>) {
  const queue = tests.filter((t) => t.mode === mode).sort((a, b) => b.weight - a.weight);
  const outcomes: Outcome[] = [];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) outcomes.push(await run(next));
  };
  await Promise.all(Array.from({ length: mode === 'together' ? jobs : 1 }, worker));
  return outcomes;
}

/** Runs the tests: first those that bear company, then those that do not, then those that look back at the run. */
export async function runTests(
  tests: readonly NamedTest[],
  lab: Lab | undefined,
  { jobs, full }: { jobs: number; full: boolean },
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const mode of ['together', 'alone', 'last'] as const) {
    outcomes.push(...(await runMode(tests, mode, jobs, (t) => runOne(t, lab, full))));
    if (mode === 'together' && lab && tests.some((t) => t.mode === 'alone')) await quiet(lab);
  }
  return outcomes;
}

/** Waits until the Pods of finished tests are gone, so that tests that hurt the node begin on a quiet one. */
async function quiet(lab: Lab): Promise<void> {
  const left = (): string[] => lab.pods.all().map((p) => `${p.metadata?.namespace}/${p.metadata?.name}`);
  const start = performance.now();
  while (left().some((name) => name.startsWith('t')) && performance.now() - start < 120_000) await delay(200);
  if (left().length > 0) say(`Pods that are still there: ${left().join(', ')}`);
}
