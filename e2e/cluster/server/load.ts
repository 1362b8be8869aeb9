// Many streams at once: other Pods' starts do not suffer, and everything comes back.
import type { IncomingMessage } from 'node:http';
import { waitFor } from '../../../hack/lib/wait.ts';
import type { Pod } from '../../../src/types/k8s.ts';
import { Api } from '../../lib/api.ts';
import { Collection } from '../../lib/collection.ts';
import { type ExecSession, openExec, openLog } from './apiStreams.ts';
import { held, makePod, removePods, type Stage, settled } from './stage.ts';

const FOLLOWERS = 200;
const EXECS = 100;
/** Starts measured in a row, with and without streams in turn. */
const STARTS = 5;
const ROUNDS = 4;
/** More than what these machines' noise makes of two equal medians. */
const MOST = 1.5;

/** 200 followers and 100 idle execs, opened and closed in turn, while Pods start. */
export async function manyStreams(stage: Stage): Promise<void> {
  const { cluster, checks } = stage;
  await makePod(stage, 'srv-m', 'n=0; while true; do n=$((n+1)); echo tick $n; sleep 2; done');
  await using starts = new Starts(stage);
  await starts.median(3); // the first ones are slower
  const [without, beside]: [number[], number[]] = [[], []];
  const before = held(cluster);
  let most = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    without.push(...(await starts.times(STARTS)));
    const streams = await openAll(stage);
    beside.push(...(await starts.times(STARTS)));
    most = Math.max(most, held(cluster).rssMiB);
    const wrong = await closeAll(streams);
    await checks.check(`round ${round}: every follower got its lines, every exec its echo`, () => wrong);
  }
  const ratio = median(beside) / median(without);
  const ms = (all: number[]) => `${median(all).toFixed(0)} ms`;
  const found = `start p50 ${ms(without)} alone, ${ms(beside)} beside ${FOLLOWERS} followers and ${EXECS} execs`;
  await checks.check(`${found}: ${ratio.toFixed(2)} times`, () =>
    ratio < MOST ? undefined : `more than ${MOST} times`,
  );
  await checks.check('descriptors and processes come back', () => settled(cluster, before));
  await checks.check(`memory comes back (${before.rssMiB.toFixed(0)} MiB before, ${most.toFixed(0)} with all)`, () =>
    back(stage, before.rssMiB),
  );
  await removePods(stage, 'srv-m');
}

/** V8 gives memory back when it collects: that may take a while on an idle node. */
async function back({ cluster }: Stage, before: number): Promise<string | undefined> {
  const grown = () => held(cluster).rssMiB - before;
  await waitFor('memory', { timeout: 120_000, interval: 1000 }, () => grown() < 40).catch(() => undefined);
  return grown() < 40 ? undefined : `${grown().toFixed(0)} MiB more than before`;
}

interface Streams {
  readonly logs: readonly { readonly answer: IncomingMessage; chunks: number }[];
  readonly execs: readonly ExecSession[];
}

async function openAll(stage: Stage): Promise<Streams> {
  const logs: { answer: IncomingMessage; chunks: number }[] = [];
  const execs: ExecSession[] = [];
  for (let i = 0; i < FOLLOWERS; i += 20) {
    const some = await Promise.all(
      Array.from({ length: 20 }, () => openLog(stage, 'srv-m', 'follow=true&tailLines=1')),
    );
    for (const answer of some) {
      const entry = { answer, chunks: 0 };
      answer.on('data', () => (entry.chunks += 1)).on('error', () => {});
      logs.push(entry);
    }
  }
  for (let i = 0; i < EXECS; i += 10)
    execs.push(...(await Promise.all(Array.from({ length: 10 }, () => openExec(stage, 'srv-m', ['cat'], true)))));
  return { logs, execs };
}

/** Uses every stream once more, then ends it; what did not work. */
async function closeAll({ logs, execs }: Streams): Promise<string | undefined> {
  try {
    await waitFor('lines for everybody', { timeout: 60_000 }, () => logs.every(({ chunks }) => chunks >= 3));
    for (const [i, session] of execs.entries()) session.send(`echo ${i}\n`);
    await waitFor('every echo', { timeout: 60_000 }, () => execs.every((s, i) => s.output() === `echo ${i}\n`));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    for (const { answer } of logs) answer.destroy();
    for (const session of execs) session.close();
    await Promise.all(execs.map((session) => session.ended));
  }
}

/** Starts Pods one at a time and takes the time from the request to the status Running. */
class Starts implements AsyncDisposable {
  readonly #stage: Stage;
  readonly #api: Api;
  readonly #pods: Collection<Pod>;
  #count = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#api = new Api(stage.cluster);
    this.#pods = new Collection<Pod>(this.#api, `/api/v1/namespaces/${stage.namespace}/pods`);
  }

  async times(count: number): Promise<number[]> {
    const all: number[] = [];
    for (let i = 0; i < count; i++) all.push(await this.#one());
    return all;
  }

  async median(count: number): Promise<number> {
    return median(await this.times(count));
  }

  async #one(): Promise<number> {
    this.#count += 1;
    const { namespace, cluster } = this.#stage;
    const name = `srv-s${this.#count}`;
    const containers = [{ name: 'main', image: 'busybox:1.37', command: ['sleep', '9999'] }];
    const spec = { nodeName: cluster.layout.nodeName, terminationGracePeriodSeconds: 0, containers };
    const url = `/api/v1/namespaces/${namespace}/pods`;
    const began = performance.now();
    await this.#api.create(url, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec });
    await this.#pods.until(`${name} to run`, () => this.#pods.get(namespace, name)?.status?.phase === 'Running');
    const took = performance.now() - began;
    await this.#api.remove(`${url}/${name}`);
    await this.#pods.until(`${name} to be gone`, () => !this.#pods.get(namespace, name));
    return took;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pods[Symbol.asyncDispose]();
    await this.#api[Symbol.asyncDispose]();
  }
}

function median(all: readonly number[]): number {
  const sorted = [...all].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Followers of a log that never pauses, which do not read: the kubelet stores nothing for them. */
export async function slowFollowers(stage: Stage): Promise<void> {
  const { cluster, checks } = stage;
  await makePod(stage, 'srv-f', 'yes "a line that is neither short nor long, but there are many of it"');
  await checks.check('followers that do not read cost no memory', async () => {
    const start = held(cluster).rssMiB;
    const answers = await Promise.all(Array.from({ length: 5 }, () => openLog(stage, 'srv-f', 'follow=true')));
    let most = 0;
    const end = performance.now() + 10_000;
    await waitFor('ten seconds', { timeout: 20_000, interval: 250 }, () => {
      most = Math.max(most, held(cluster).rssMiB - start);
      return performance.now() > end;
    });
    for (const answer of answers) answer.destroy();
    return most < 80 ? undefined : `${most.toFixed(0)} MiB more`;
  });
  await removePods(stage, 'srv-f');
}
