import type { Spec } from './lists.ts';
import { bySpec, type Result, type Verdict, verdictOf } from './results.ts';

/** One spec with what both kubelets made of it. */
export interface Row {
  spec: Spec;
  ts: Verdict | undefined;
  go: Verdict | undefined;
}

/** Joins a list with the results of both kubelets. */
export function rows(specs: readonly Spec[], ts: readonly Result[], go: readonly Result[]): Row[] {
  const [tsBySpec, goBySpec] = [bySpec(ts), bySpec(go)];
  return specs.map((spec) => ({
    spec,
    ts: verdictOf(tsBySpec.get(spec.name) ?? []),
    go: verdictOf(goBySpec.get(spec.name) ?? []),
  }));
}

function counts(list: readonly (Verdict | undefined)[]): string[] {
  const count = (outcome: string | undefined): number => list.filter((one) => one?.outcome === outcome).length;
  return ['passed', 'failed', 'skipped', undefined].map((outcome) => String(count(outcome)));
}

function shortFile(file: string): string {
  return file.replace(/^test\//, '');
}

/** A table with a line for each file and one for all: passed, failed, skipped and not run with each kubelet. */
export function fileTable(all: readonly Row[]): string[][] {
  const files = [...new Set(all.map(({ spec }) => spec.file))];
  const line = (title: string, part: readonly Row[]): string[] => [
    title,
    String(part.length),
    ...counts(part.map(({ ts }) => ts)),
    ...counts(part.map(({ go }) => go)),
  ];
  return [
    ['file', 'specs', 'ts passed', 'failed', 'skipped', 'not run', 'go passed', 'failed', 'skipped', 'not run'],
    ...files.map((file) =>
      line(
        shortFile(file),
        all.filter(({ spec }) => spec.file === file),
      ),
    ),
    line('all', all),
  ];
}

/** Lays a table out for a terminal: numbers to the right. */
export function plainTable(table: readonly string[][]): string {
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  const cell = (text: string, column: number): string =>
    column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0);
  return table.map((line) => line.map(cell).join('  ')).join('\n');
}

/** The same in Markdown. */
export function markdownTable(table: readonly string[][]): string {
  const [head = [], ...body] = table;
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '--:'))), ...body.map(line)].join('\n');
}
