import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Portrait } from './compare.ts';

const FILE = join(import.meta.dirname, 'goKubelet.json');

/** What the Go kubelet said of itself when the comparison was last run. */
export function recordedGo(): Portrait {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Portrait;
}

/** Keeps it: names, types, labels and buckets, never a help text or a value. */
export function recordGo(portrait: Portrait): void {
  const line = (value: unknown) => JSON.stringify(value);
  const block = (entries: readonly (readonly [string, unknown])[]) =>
    entries.map(([key, value]) => `${line(key)}: ${line(value)}`).join(',\n');
  const pages = Object.entries(portrait.metrics).map(([page, f]) => `${line(page)}: {\n${block(Object.entries(f))}\n}`);
  const shapes = block(Object.entries(portrait.shapes));
  writeFileSync(FILE, `{"metrics": {\n${pages.join(',\n')}\n},\n"shapes": {\n${shapes}\n}}\n`);
}
