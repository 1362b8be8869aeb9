import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { junit } from './junit.ts';
import { conformanceOptions, duration } from './options.ts';
import { RunDirectory } from './output.ts';
import { page } from './page.ts';
import { quoted } from './quoted.ts';
import type { Result } from './results.ts';
import { fileTable, markdownTable, plainTable, rows } from './table.ts';

const result = (spec: string, outcome: Result['outcome'], kubelet: 'go' | 'ts' = 'ts'): Result => ({
  ...{ spec, file: 'test/e2e/a.go', kubelet, commit: 'c', date: 'd', outcome, seconds: 2, run: 'r' },
  ...(outcome === 'failed' ? { message: 'got <1> & "2"\u0007' } : {}),
});

test('JUnit counts as ginkgo does, and escapes what XML does not allow', () => {
  const node = { ...result('d', 'passed'), file: 'test/e2e_node/a.go' };
  const xml = junit([result('a', 'passed'), result('b', 'failed'), result('c', 'skipped'), node]);
  expect(xml).toContain('<testsuites tests="4" disabled="1" errors="0" failures="1" time="8.000">');
  expect(xml).toContain('<testsuite name="Kubernetes e2e suite" tests="3" skipped="1" errors="0" failures="1"');
  expect(xml).toContain('<testcase name="[It] a" classname="Kubernetes e2e suite" status="passed" time="2"/>');
  expect(xml).toContain('<failure message="got &lt;1&gt; &amp; &quot;2&quot;" type="failed"/>');
  expect(xml).toContain('<testcase name="[It] d" classname="E2eNode Suite"');
});

test('a resumed run goes on in its directory: logs are added, processes counted on, a spec that ran twice has one case', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'run-'));
  for (const text of ['first', 'second']) {
    const run = new RunDirectory(directory); // as a new process has it
    const batch = run.nextBatch();
    mkdirSync(batch);
    writeFileSync(join(batch, 'suite.log'), `${text}\n`);
    await run.addLog(batch);
  }
  const run = new RunDirectory(directory);
  run.writeJunit([result('a', 'failed'), result('a', 'passed'), result('b', 'passed')]);
  expect(readdirSync(directory).sort()).toEqual(['batch-1', 'batch-2', 'e2e.log', 'junit_01.xml']);
  expect(readFileSync(join(directory, 'e2e.log'), 'utf8')).toBe('first\nsecond\n');
  expect(readFileSync(join(directory, 'junit_01.xml'), 'utf8')).toContain(
    'tests="2" disabled="0" errors="0" failures="0"',
  );
  rmSync(directory, { recursive: true });
});

test('the table counts per file, with both kubelets', () => {
  const specs = ['a', 'b', 'c'].map((name) => ({ file: name === 'c' ? 'test/e2e/c.go' : 'test/e2e/a.go', name }));
  const all = rows(specs, [result('a', 'passed'), result('b', 'failed')], [result('a', 'passed', 'go')]);
  const table = fileTable(all);
  expect(table.slice(1)).toEqual([
    ['e2e/a.go', '2', '1', '1', '0', '0', '1', '0', '0', '1'],
    ['e2e/c.go', '1', '0', '0', '0', '1', '0', '0', '0', '1'],
    ['all', '3', '1', '1', '0', '1', '1', '0', '0', '2'],
  ]);
  expect(plainTable(table).split('\n')).toHaveLength(4);
  expect(markdownTable([['x'], ['a|b']])).toBe('| x |\n| --- |\n| a\\|b |');
});

test('the page says of each list what has not run, and groups what the suite skips', () => {
  const specs = ['a', 'b', 'c', 'd'].map((name) => ({ file: 'test/e2e/a.go', name }));
  const skips = ['c', 'd'].map((name): Result => ({ ...result(name, 'skipped'), message: 'needs a GPU' }));
  const one = rows(specs, [result('b', 'failed'), ...skips], []);
  const text = page([
    { name: 'first', title: 'The first', rows: one },
    { name: 'second', title: 'The second', rows: one.slice(0, 1) },
  ]);
  expect(text).toContain('Not run: with kubelet-ts 1 of 4, with the Go kubelet 4 of 4.');
  expect(text).toContain('kubelet-ts: not run. Go kubelet 1.36.3: not run;');
  expect(text).toContain('| [second](#second) | 1 | 0 | 0 | 0 | 1 |');
  expect(text).toContain('| each spec once | 4 | 0 | 1 | 2 | 1 |');
  expect(text).toContain('- 2 specs: needs a GPU\n  - c\n  - d');
  expect(text).toContain('| b | not yet explained: `got <1> & "2"\u0007` | not run |');
});

test('the page names what passes with Go only, and nothing else', () => {
  const specs = ['a', 'b', 'c', 'd'].map((name) => ({ file: 'test/e2e/a.go', name }));
  const go = [result('a', 'passed', 'go'), result('b', 'failed', 'go'), result('c', 'passed', 'go')];
  const text = (ts: Result[]) => page([{ name: 'x', title: 'X', rows: rows(specs, ts, go) }]);
  const ts = [result('a', 'failed'), result('b', 'failed'), result('d', 'failed')];
  expect(text(ts)).toContain('Passed with the Go kubelet, and not with kubelet-ts:\n\n- a\n\n');
  expect(text(ts.slice(1))).toContain('none failed');
});

test('names are quoted for regular expressions', () => {
  const name = '[sig-node] Probing *not* (a|b) $1 /x.y {z} ^';
  expect(new RegExp(`${quoted(name)}$`).test(`Suite ${name}`)).toBe(true);
  expect(new RegExp(quoted('a.b')).test('axb')).toBe(false);
});

test('the command line', () => {
  const { list, kubelet, procs, files } = conformanceOptions(['--list', 'e2e', '--file', 'a', '--file', 'b']);
  expect({ list, kubelet, procs, files }).toEqual({ list: 'e2e', kubelet: 'ts', procs: 4, files: ['a', 'b'] });
  expect(() => conformanceOptions([])).toThrow('--list');
  expect(conformanceOptions(['--list', './mine.tsv', '--not-run'])).toMatchObject({ list: './mine.tsv', notRun: true });
  expect(() => conformanceOptions(['--list', 'e2e', '--kubelet', 'x'])).toThrow('--kubelet x');
  expect(conformanceOptions(['--list', 'e2e', '--until-it-fails', '--nodes', '2', '--output', 'x'])).toMatchObject({
    ...{ untilItFails: true, again: true, nodes: 2, output: join(process.cwd(), 'x') },
  });
  expect([duration('90s'), duration('15m'), duration('2h')]).toEqual([90_000, 900_000, 7_200_000]);
  expect(() => duration('15')).toThrow('--time-limit 15');
});
