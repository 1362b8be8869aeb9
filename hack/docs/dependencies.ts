// What each dependency costs in memory and start time, for docs/dependencies.md. Run: node hack/docs/dependencies.ts
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { table } from './marked.ts';

const root = join(import.meta.dirname, '../..');
const RUNS = 5;

/** Imports in a fresh process; the first import of anything costs some memory too, so a built-in module goes ahead. */
const program = `
  await import('data:text/javascript,export default 1');
  const rss = () => process.memoryUsage().rss;
  const [before, start] = [rss(), performance.now()];
  globalThis.kept = [];
  for (const name of process.argv.slice(1)) globalThis.kept.push(await import(name));
  console.log(JSON.stringify({ ms: performance.now() - start, bytes: rss() - before, total: rss() }));
`;

interface Cost {
  readonly ms: number;
  readonly bytes: number;
  readonly total: number;
}

function cost(names: readonly string[]): Cost {
  const runs = Array.from({ length: RUNS }, () => {
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', program, ...names], { cwd: root });
    return JSON.parse(out.toString()) as Cost;
  });
  const least = (key: keyof Cost) => Math.min(...runs.map((run) => run[key]));
  return { ms: least('ms'), bytes: least('bytes'), total: least('total') };
}

const names = Object.keys(
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> })
    .dependencies,
);
/** Loaded by an agent only where its configuration asks for them. */
const onDemand = names.filter((name) => name.startsWith('@opentelemetry/'));
const always = names.filter((name) => !onDemand.includes(name));
const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const all = cost(always);
const rows = always.map((name) => {
  const alone = cost([name]);
  const rest = cost(always.filter((other) => other !== name));
  return [name, `${alone.ms.toFixed(0)} ms`, mib(alone.bytes), mib(Math.max(0, all.bytes - rest.bytes))];
});
console.log(table(['package', 'import, alone', 'memory, alone', 'memory saved if it alone were left out'], rows));
console.log(`Nothing: ${mib(cost([]).total)}. All: ${all.ms.toFixed(0)} ms, ${mib(all.total)}.`);
const traced = cost(names);
console.log(`With tracing: ${(traced.ms - all.ms).toFixed(0)} ms and ${mib(traced.bytes - all.bytes)} more.`);
