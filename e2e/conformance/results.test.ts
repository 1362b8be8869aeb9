import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isSettled, lastRun, parseResults, type Result, ResultStore, verdictOf } from './results.ts';

function result(kubelet: 'go' | 'ts', outcome: Result['outcome'], commit = 'a'): Result {
  return { spec: 's', file: 'f', kubelet, commit, date: 'd', outcome, seconds: 1, run: 'r' };
}

describe('verdictOf', () => {
  test('the reference fails only when every run did', () => {
    expect(verdictOf([result('go', 'failed'), result('go', 'passed')])).toMatchObject({
      outcome: 'passed',
      failures: 1,
    });
    expect(verdictOf([result('go', 'failed'), result('go', 'failed')])).toMatchObject({ outcome: 'failed', runs: 2 });
  });

  test('of this kubelet the last run counts, and failures at the same commit stay visible', () => {
    expect(verdictOf([result('ts', 'passed'), result('ts', 'failed')])).toMatchObject({ outcome: 'failed' });
    expect(verdictOf([result('ts', 'failed'), result('ts', 'passed')])).toMatchObject({
      outcome: 'passed',
      failures: 1,
    });
    const mended = [result('ts', 'failed', 'a'), result('ts', 'passed', 'b')];
    expect(verdictOf(mended)).toMatchObject({ outcome: 'passed', failures: 0, runs: 1 });
  });

  test('nothing is known of a spec that never ran', () => expect(verdictOf([])).toBeUndefined());
});

test('a reference result is settled once it passed, does not apply, or failed three times', () => {
  expect(isSettled([])).toBe(false);
  expect(isSettled([result('go', 'failed'), result('go', 'failed')])).toBe(false);
  expect(isSettled([result('go', 'failed'), result('go', 'failed'), result('go', 'failed')])).toBe(true);
  expect(isSettled([result('go', 'failed'), result('go', 'skipped')])).toBe(true);
});

describe('ResultStore', () => {
  const directory = mkdtempSync(join(tmpdir(), 'results-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  test('keeps every result at once', () => {
    const file = join(directory, 'deep/e2e.ts.jsonl');
    new ResultStore(file).add(result('ts', 'passed'));
    new ResultStore(file).add(result('ts', 'failed'));
    expect(new ResultStore(file).results.map(({ outcome }) => outcome)).toEqual(['passed', 'failed']);
  });

  test('survives a last line that a crash cut off, and nothing else', () => {
    const line = JSON.stringify(result('ts', 'passed'));
    expect(parseResults(`${line}\n{"spec":`)).toHaveLength(1);
    expect(() => parseResults(`{"spec":\n${line}\n`)).toThrow('line 1');
    writeFileSync(join(directory, 'empty'), '');
    expect(new ResultStore(join(directory, 'empty')).results).toEqual([]);
  });

  test('has results in order of time, however a merge put the lines', () => {
    const file = join(directory, 'merged.jsonl');
    const at = (date: string, outcome: Result['outcome']): string => JSON.stringify({ ...result('ts', outcome), date });
    writeFileSync(file, `${at('2026-12-02', 'passed')}\n${at('2026-12-01', 'failed')}\n`);
    expect(verdictOf(new ResultStore(file).results)).toMatchObject({ outcome: 'passed' });
  });
});

test('the last run is that of the wanted specs: another list has runs of its own', () => {
  const of = (spec: string, run: string): Result => ({ ...result('ts', 'passed'), spec, run });
  const results = [of('a', '2026-12-01'), of('b', '2026-12-02')];
  expect(lastRun(results, [{ name: 'a' }])).toBe('2026-12-01');
  expect(lastRun(results, [{ name: 'a' }, { name: 'b' }])).toBe('2026-12-02');
  expect(lastRun(results, [{ name: 'c' }])).toBeUndefined();
});
