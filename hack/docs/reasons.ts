import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Reason, ReasonCode } from '../../src/timeline/reasons.ts';
import { reasonCodes, sentence } from '../../src/timeline/sentences.ts';
import { table, withPart } from './marked.ts';
import { reasonTexts } from './reasonTexts.ts';

// Writes the tables of reasons into docs/architecture.md (where each one is decided) and docs/debugging.md (what to do about
// it). Run: node hack/docs/reasons.ts

const root = join(import.meta.dirname, '../..');
const rules = join(root, 'src/podworker/rules');
/** Where the examples stand on the monotonic clock, ms. */
const exampleMono = 60_000;

/** Files of the rules that give this reason. */
export function decidedIn(code: ReasonCode): string[] {
  const files = readdirSync(rules).filter((f) => f.endsWith('.ts') && !f.endsWith('.test.ts'));
  return files.filter((f) => readFileSync(join(rules, f), 'utf8').includes(`code: '${code}'`)).sort();
}

const example = (code: ReasonCode): string =>
  sentence({ code, ...reasonTexts[code].example } as unknown as Reason, exampleMono);

/** For docs/architecture.md. */
function decidedTable(): string {
  const rows = reasonCodes.map((code) => [
    `\`${code}\``,
    reasonTexts[code].holds,
    decidedIn(code)
      .map((f) => `\`${f}\``)
      .join(', '),
  ]);
  return table(['reason', 'what it holds back', 'decided in `podworker/rules/`'], rows);
}

/** For docs/debugging.md. */
function meaningTable(): string {
  const rows = reasonCodes.map((code) => [`\`${code}\``, example(code), reasonTexts[code].todo]);
  return table(['reason', 'an example of its sentence', 'what to do'], rows);
}

/** The pages with a generated part, and how they should read. */
export function pagesWithReasons(): { file: string; now: string; wanted: string }[] {
  return [
    { file: 'docs/architecture.md', part: decidedTable() },
    { file: 'docs/debugging.md', part: meaningTable() },
  ].map(({ file, part }) => {
    const now = readFileSync(join(root, file), 'utf8');
    return { file, now, wanted: withPart(now, 'reasons', part) };
  });
}

if (process.argv[1] === import.meta.filename)
  for (const { file, wanted } of pagesWithReasons()) writeFileSync(join(root, file), wanted);
