// npm run e2e: the tests on the real stack. `--help` tells the options.
import { clusterNames } from '../hack/cluster/layout.ts';
import { leftBehind, snapshot } from '../hack/cluster/residue.ts';
import { tearDown } from '../hack/cluster/tearDown.ts';
import { elapsed, say } from '../hack/lib/log.ts';
import { identify } from '../hack/lib/processes.ts';
import { conformance } from './conformance/group.ts';
import { Lab } from './lib/lab.ts';
import { type Options, readOptions, usage } from './lib/options.ts';
import { setSeed } from './lib/random.ts';
import { type NamedTest, type Outcome, runTests, select } from './lib/run.ts';
import { groups } from './suite.ts';

const name = `e2e-${process.pid}`;

/** Removes clusters of runs whose runner was killed. */
async function removeStale(): Promise<void> {
  for (const old of clusterNames()) {
    const pid = /^e2e-(?:solo-)?(\d+)$/.exec(old)?.[1];
    if (pid && !identify(Number(pid))) await tearDown(old);
  }
}

async function cleanUp(): Promise<void> {
  for (const mine of [name, `e2e-solo-${process.pid}`]) await tearDown(mine);
}

/** Ctrl-C: everything is removed, also when a test stands in the middle of something. */
function removeOnSignals(): void {
  let asked = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (asked) return;
      asked = true;
      say(`${signal}: removing the clusters`);
      cleanUp().then(
        () => process.exit(130),
        (error) => {
          console.error(error);
          process.exit(130);
        },
      );
    });
  }
}

async function runAll(tests: readonly NamedTest[], options: Options): Promise<Outcome[]> {
  let lab: Lab | undefined;
  try {
    if (tests.some((t) => !t.ownLab)) lab = await Lab.open(name);
    return await runTests(tests, lab, options);
  } finally {
    if (options.keep) say(`the cluster ${name} stays up: KUBELET_TS_CLUSTER=${name} hack/kubectl …`);
    else {
      await lab?.[Symbol.asyncDispose]();
      await cleanUp();
    }
  }
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (!options) {
    console.log(usage);
    return 0;
  }
  const tests = select(options.conformance ? [...groups, conformance] : groups, options.only);
  if (options.list) {
    for (const { title, mode } of tests) console.log(`${title}${mode === 'together' ? '' : ` (${mode})`}`);
    return 0;
  }
  if (tests.length === 0) throw new Error(`no test is called ${options.only.join(' or ')}; --list shows all`);
  setSeed(options.seed);
  removeOnSignals();
  await removeStale();
  const before = await snapshot();
  const outcomes = await runAll(tests, options);
  if (!options.keep) {
    const left = await leftBehind(before);
    if (left.length > 0) outcomes.push({ title: 'nothing is left behind', error: new Error(left.join('\n')) });
    if (left.length > 0) say(`FAILED nothing is left behind\n${left.join('\n')}`);
  }
  const failed = outcomes.filter((o) => o.error !== undefined);
  for (const { title } of failed) console.log(`failed: ${title}`);
  say(`${tests.length} tests, ${elapsed()}`);
  console.log(`${outcomes.length - failed.length} passed, ${failed.length} failed`);
  return failed.length > 0 ? 1 : 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error && process.env.DEBUG ? error.stack : `error: ${error}`);
    console.log('0 passed, 1 failed');
    process.exit(1);
  },
);
