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

const columns = ['specs', 'ts passed', 'failed', 'skipped', 'not run', 'go passed', 'failed', 'skipped', 'not run'];

function line(title: string, part: readonly Row[]): string[] {
  return [title, String(part.length), ...counts(part.map(({ ts }) => ts)), ...counts(part.map(({ go }) => go))];
}

/** A table with a line for each file and one for all: passed, failed, skipped and not run with each kubelet. */
export function fileTable(all: readonly Row[]): string[][] {
  const files = Map.groupBy(all, ({ spec }) => spec.file);
  return [['file', ...columns], ...[...files].map(([file, part]) => line(shortFile(file), part)), line('all', all)];
}

/** The same with a line for each list, and one in which a spec that stands in two lists counts once; in Markdown. */
export function summaryTable(lists: readonly { name: string; rows: readonly Row[] }[]): string {
  const each = new Map(lists.flatMap(({ rows: part }) => part).map((row) => [row.spec.name, row]));
  const body = lists.map(({ name, rows: part }) => line(`[${name}](#${name})`, part));
  return markdownTable([['list', ...columns], ...body, line('each spec once', [...each.values()])]);
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
