import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Cluster } from '../../hack/cluster/state.ts';
import { say } from '../../hack/lib/log.ts';
import { repoRoot } from '../../hack/lib/paths.ts';
import { run } from '../../hack/lib/run.ts';
import { ensureTools, type Tools } from '../../hack/tools/ensure.ts';
import { clusterFor } from './cluster.ts';
import type { SpecReport } from './ginkgoOutput.ts';
import { readList, type Spec, type SuiteName, select, suiteOf, suites } from './lists.ts';
import { suiteNode } from './nodeSuite.ts';
import type { ConformanceOptions } from './options.ts';
import { RunDirectory } from './output.ts';
import { bySpec, isSettled, lastRun, type Result, ResultStore, verdictOf } from './results.ts';
import { untilItFails } from './rounds.ts';
import { runBatch } from './runBatch.ts';
import { type Batch, batches, batchSize, fileBatches } from './schedule.ts';
import { fileTable, plainTable, rows } from './table.ts';

export interface Summary {
  passed: number;
  failed: number;
  skipped: number;
  /** Wanted, but without a result: the time limit, or a crash of the suite. */
  missing: number;
  /** The names of those that failed, do not apply, or have no result. */
  red: string[];
}

/** The store of a suite's results with one kubelet. */
export function store(suite: SuiteName, kubelet: 'go' | 'ts'): ResultStore {
  return new ResultStore(path.join(repoRoot, 'e2e/conformance/results', `${suite}.${kubelet}.jsonl`));
}

/** All results of a kubelet. */
export function resultsOf(kubelet: 'go' | 'ts'): Result[] {
  return suites.flatMap((suite) => store(suite, kubelet).results);
}

async function commitName(): Promise<string> {
  const commit = (await run('git', ['-C', repoRoot, 'rev-parse', '--short=9', 'HEAD'])).trim();
  const changed = (await run('git', ['-C', repoRoot, 'status', '--porcelain', '--', 'src'])).trim();
  return changed ? `${commit}+` : commit;
}

type Stores = Record<SuiteName, ResultStore>;

function openStores(kubelet: 'go' | 'ts'): Stores {
  return { e2e: store('e2e', kubelet), e2e_node: store('e2e_node', kubelet) };
}

/** The specs that are still to be run in this run. */
function pending(specs: readonly Spec[], stores: Stores, options: ConformanceOptions, run?: string): Spec[] {
  const results = { e2e: bySpec(stores.e2e.results), e2e_node: bySpec(stores.e2e_node.results) };
  return specs.filter((spec) => {
    const known = results[suiteOf(spec)].get(spec.name) ?? [];
    if (options.notRun && known.some((result) => result.run !== run)) return false;
    if (options.failed && (verdictOf(known)?.outcome ?? 'failed') !== 'failed') return false;
    if (options.kubelet === 'go' && !options.again) return !isSettled(known);
    return !(options.resume && known.some((result) => result.run === run));
  });
}

interface Run {
  cluster: Cluster;
  options: ConformanceOptions;
  stores: Stores;
  id: string;
  commit: string;
  directory: RunDirectory;
  results: Result[];
  signal: AbortSignal;
}

function record(run: Run, specs: readonly Spec[], report: SpecReport): void {
  const spec = specs.find(({ name }) => name === report.name);
  if (!spec) return;
  const { outcome, seconds, message } = report;
  const result: Result = {
    spec: spec.name,
    file: spec.file,
    kubelet: run.options.kubelet,
    commit: run.commit,
    date: new Date().toISOString(),
    outcome,
    seconds: Math.round(seconds * 10) / 10,
    ...(message === undefined ? {} : { message }),
    run: run.id,
    ...(run.options.suiteKubelet ? { mode: 'suite-kubelet' } : {}),
  };
  if (run.options.keep) run.stores[suiteOf(spec)].add(result);
  run.results.push(result);
  say(`${outcome.padEnd(7)} ${seconds.toFixed(0).padStart(4)} s  ${spec.name}`);
  if (outcome !== 'failed') return;
  say(`        ${message ?? ''}`);
  const slug = spec.name.replace(/[^A-Za-z0-9]+/g, '-').slice(-150);
  const failed = path.join(run.directory.path, 'failed');
  mkdirSync(failed, { recursive: true });
  writeFileSync(path.join(failed, `${slug}.log`), report.output.join('\n'));
}

/** Runs batches side by side, those that run alone at the end. */
async function runAll(run: Run, tools: Tools, list: readonly Batch[]): Promise<void> {
  const queue = list.filter(({ alone }) => !alone);
  const runOne = async (batch: Batch): Promise<void> => {
    const work = run.directory.nextBatch();
    const report = (spec: SpecReport): void => record(run, batch.specs, spec);
    const missing = await runBatch({ cluster: run.cluster, tools, batch, work, signal: run.signal, report });
    await run.directory.addLog(work);
    if (!run.signal.aborted) for (const name of missing) say(`no result (see ${work}): ${name}`);
  };
  const worker = async (): Promise<void> => {
    for (let batch = queue.shift(); batch && !run.signal.aborted; batch = queue.shift()) await runOne(batch);
  };
  await Promise.all(Array.from({ length: run.options.procs }, worker));
  for (const batch of list.filter(({ alone }) => alone)) if (!run.signal.aborted) await runOne(batch);
}

/** Runs the specs on a cluster that is up; results go to the stores, logs and JUnit to --output or the cluster's logs. */
export async function runSpecs(
  cluster: Cluster,
  specs: readonly Spec[],
  options: ConformanceOptions,
): Promise<Summary> {
  const { kubelet } = options;
  const stores = openStores(kubelet);
  const id = (options.resume ? lastRun(resultsOf(kubelet), specs) : undefined) ?? new Date().toISOString();
  const work = options.output ?? path.join(cluster.layout.logs, 'conformance', id.replace(/[:.]/g, '-'));
  mkdirSync(work, { recursive: true });
  const tools = await ensureTools(['kubernetes', 'kubernetes-tests']);
  const limit = new AbortController();
  const stop = (): void => limit.abort();
  const timer = options.timeLimit === undefined ? undefined : setTimeout(stop, options.timeLimit);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const current: Run = {
    cluster,
    options,
    stores,
    id,
    commit: await commitName(),
    directory: new RunDirectory(work),
    results: options.resume ? resultsOf(kubelet).filter(({ run }) => run === id) : [],
    signal: limit.signal,
  };
  await current.directory.writeVersion(cluster, tools, current.commit);
  const wanted = new Set<string>();
  const attempts = kubelet === 'go' ? 3 : 1; // the kubelet under test is never run again by itself
  try {
    for (let attempt = 0; attempt < attempts && !limit.signal.aborted; attempt++) {
      const list = pending(specs, stores, options, id);
      if (list.length === 0) break;
      for (const { name } of list) wanted.add(name);
      say(`${list.length} specs, ${options.procs} processes, kubelet ${kubelet}, logs in ${work}`);
      const cut = options.suiteKubelet ? fileBatches(list) : batches(list, batchSize(list.length, options.procs));
      await runAll(current, tools, cut);
      if (kubelet === 'go' && options.again) break;
    }
  } finally {
    clearTimeout(timer);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, stop);
    current.directory.writeJunit(current.results);
  }
  return summarize(current.results, wanted);
}

function summarize(results: readonly Result[], wanted: ReadonlySet<string>): Summary {
  const lists = bySpec(results);
  const outcome = (name: string): string | undefined => verdictOf(lists.get(name) ?? [])?.outcome;
  const count = (one: string | undefined): number => [...wanted].filter((name) => outcome(name) === one).length;
  const red = [...wanted].filter((name) => outcome(name) !== 'passed');
  return {
    ...{ passed: count('passed'), failed: count('failed'), skipped: count('skipped'), missing: count(undefined) },
    red,
  };
}

/** The whole command: cluster, run, table. */
export async function conformance(options: ConformanceOptions): Promise<Summary> {
  const specs = select(readList(options.list), {
    files: options.files,
    ...(options.name === undefined ? {} : { name: options.name }),
  });
  if (specs.length === 0) throw new Error('no spec of the list is wanted: see --file and --name');
  const left = pending(specs, openStores(options.kubelet), options);
  const { cluster, end } = options.suiteKubelet ? await suiteNode(left, options) : await clusterFor(left, options);
  const round = (timeLimit: number | undefined): Promise<Summary> =>
    runSpecs(cluster, specs, timeLimit === undefined ? options : { ...options, timeLimit });
  const summary = await (options.untilItFails
    ? untilItFails(round, options.timeLimit)
    : round(options.timeLimit)
  ).finally(end);
  console.log(`\n${plainTable(fileTable(rows(specs, resultsOf('ts'), resultsOf('go'))))}\n`);
  const { passed, failed, skipped, missing } = summary;
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped, ${missing} without a result`);
  return summary;
}
