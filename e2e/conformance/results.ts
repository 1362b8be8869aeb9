import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Outcome } from './ginkgoOutput.ts';

/** One run of one spec: a line of results/SUITE.KUBELET.jsonl. */
export interface Result {
  spec: string;
  file: string;
  kubelet: 'go' | 'ts';
  /** The checkout's commit; a + says that src/ differed from it. For the Go kubelet only the harness depends on it. */
  commit: string;
  /** When the spec ended. */
  date: string;
  outcome: Outcome;
  seconds: number;
  /** The first line of the failure, or the reason of the skip. */
  message?: string;
  /** The run that it belongs to, for going on with a killed one. */
  run: string;
  /** Set when the suite itself started and configured the kubelet, instead of meeting a cluster's. */
  mode?: 'suite-kubelet';
}

/** What a kubelet's runs of a spec come to. */
export interface Verdict {
  outcome: Outcome;
  last: Result;
  /** How many runs count, and how many of them failed. */
  runs: number;
  failures: number;
}

/** A failure of the reference counts only when it fails this many times. */
const referenceAttempts = 3;

/** Reads result lines; a last line cut off by a crash is dropped. */
export function parseResults(text: string): Result[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    if (line === '') return [];
    try {
      return [JSON.parse(line) as Result];
    } catch (error) {
      if (index >= lines.length - 2) return [];
      throw new Error(`results: line ${index + 1} is not JSON: ${(error as Error).message}`);
    }
  });
}

/** The results that are kept in the repository, one file for each suite's program and kubelet: lists share specs. */
export class ResultStore {
  /** In order of time, whatever the order of lines: a merge of branches puts one side's below the other's. */
  readonly results: Result[];
  private readonly file: string;

  constructor(file: string) {
    this.file = file;
    const kept = existsSync(file) ? parseResults(readFileSync(file, 'utf8')) : [];
    this.results = kept.sort((a, b) => Number(a.date > b.date) - Number(a.date < b.date));
  }

  /** Adds a result and writes it at once. */
  add(result: Result): void {
    mkdirSync(path.dirname(this.file), { recursive: true });
    appendFileSync(this.file, `${JSON.stringify(result)}\n`);
    this.results.push(result);
  }
}

/**
 * Go: a spec passes when any run passed, and fails when all of its runs failed; the number says how many there were.
 * ts: the latest run counts, whatever came before; `runs` and `failures` are those at its commit, so that a spec that
 * both failed and passed there shows.
 */
export function verdictOf(results: readonly Result[]): Verdict | undefined {
  const last = results.at(-1);
  if (!last) return undefined;
  const counted = last.kubelet === 'go' ? results : results.filter(({ commit }) => commit === last.commit);
  const failures = counted.filter(({ outcome }) => outcome === 'failed').length;
  const good = last.kubelet === 'go' ? counted.findLast(({ outcome }) => outcome !== 'failed') : undefined;
  const shown = good ?? last;
  return { outcome: shown.outcome, last: shown, runs: counted.length, failures };
}

/** The identity of the latest run that has a result of one of these specs. */
export function lastRun(results: readonly Result[], specs: readonly { name: string }[]): string | undefined {
  const names = new Set(specs.map(({ name }) => name));
  const runs = results.filter(({ spec }) => names.has(spec)).map(({ run }) => run);
  return runs.sort().at(-1); // it is the time at which the run began
}

/** The results of each spec, in order of time. */
export function bySpec(results: readonly Result[]): Map<string, Result[]> {
  const map = new Map<string, Result[]>();
  for (const result of results) {
    const list = map.get(result.spec);
    if (list) list.push(result);
    else map.set(result.spec, [result]);
  }
  return map;
}

/** True when the reference needs no further run of a spec: it passed, does not apply, or failed often enough. */
export function isSettled(results: readonly Result[]): boolean {
  return results.some(({ outcome }) => outcome !== 'failed') || results.length >= referenceAttempts;
}
