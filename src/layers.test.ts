import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** The direction of imports (docs/architecture.md): a layer may import only from layers before it, and from itself. */
const order = [
  ['types'],
  ['lib'],
  ['k8s'],
  ['timeline'],
  ['tracing'],
  ['loop'],
  ['rpc'],
  ['plugins'],
  ['cri'],
  ['api'],
  ['events'],
  ['config'],
  ['pods'],
  ['images', 'cgroups', 'ledger', 'volumes', 'devices', 'dra', 'userns', 'probes', 'status'],
  ['stats'],
  ['podworker'],
  ['node', 'server'],
  ['join'],
  ['agent'],
  ['cli'],
  ['main'],
] as const;
const rank = new Map(order.flatMap((layers, i) => layers.map((layer) => [layer as string, i] as const)));
const src = join(import.meta.dirname);

function sources(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return sources(path);
    return path.endsWith('.ts') ? [path] : [];
  });
}

const files = sources(src);
const isTest = (path: string) =>
  /\.test\.ts$|\/(fake|testing)\//.test(path) || /(testing|testNode|[Ff]ixtures?)\.ts$/.test(path);
const layerOf = (path: string): string => relative(src, path).split('/')[0]!.replace(/\.ts$/, '');

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function importsOf(path: string): Import[] {
  const text = readFileSync(path, 'utf8');
  const found: Import[] = [];
  for (const match of text.matchAll(/^(?:import|export)\s+(type\s+)?[^;]*?from\s+'(\.[^']+)'/gm)) {
    found.push({ from: path, to: resolve(dirname(path), match[2]!), typeOnly: match[1] !== undefined });
  }
  return found;
}

test('every source file belongs to a layer', () => {
  const unknown = files.filter((f) => !isTest(f) && !rank.has(layerOf(f)));
  expect(unknown.map((f) => relative(src, f))).toEqual([]);
});

test('imports point from right to left', () => {
  const wrong = files
    .filter((f) => !isTest(f))
    .flatMap(importsOf)
    .filter(({ from, to, typeOnly }) => {
      const [a, b] = [layerOf(from), layerOf(to)];
      if (a === b) return false;
      const [ra, rb] = [rank.get(a)!, rank.get(b)!];
      if (rb < ra) return false;
      return !(rb === ra && typeOnly);
    });
  expect(wrong.map(({ from, to }) => `${relative(src, from)} → ${relative(src, to)}`)).toEqual([]);
});

test('the timeline imports types, lib and k8s only', () => {
  const wrong = files
    .filter((f) => layerOf(f) === 'timeline' && !isTest(f))
    .flatMap(importsOf)
    .filter(({ to }) => !['timeline', 'types', 'lib', 'k8s'].includes(layerOf(to)));
  expect(wrong.map(({ from }) => relative(src, from))).toEqual([]);
});

describe('rules and spec are pure', () => {
  const pure = files.filter((f) => !isTest(f) && /\/(rules|spec)\//.test(f));
  const impureModules = /from\s+'(?:node:(?!buffer|util|url|path)[^']*|undici|koffi|@grpc\/[^']*|prom-client)'/;
  const impureGlobals =
    /\b(?:Date\.now|new Date\(\s*\)|performance\.|Math\.random|setTimeout|setInterval|setImmediate|queueMicrotask|process\.|fetch\(|globalThis|crypto\.)/;

  test('rules and spec exist', () => expect(pure.length).toBeGreaterThan(50));

  /** The files that these run with, however far away: type imports bring no code. */
  const reached = new Set(pure);
  for (const file of reached)
    for (const { to, typeOnly } of importsOf(file)) if (!typeOnly && existsSync(to)) reached.add(to);

  test('every file that they import is looked at', () => {
    expect(reached.size).toBeGreaterThan(pure.length);
    expect([...reached].filter((f) => f.includes('/lib/')).length).toBeGreaterThan(2);
  });

  test.each([...reached].map((f) => [relative(src, f)]))('%s', (name) => {
    const code = readFileSync(join(src, name), 'utf8')
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .replace(/\/\/.*$/gm, '');
    expect(impureModules.exec(code)?.[0]).toBeUndefined();
    expect(impureGlobals.exec(code)?.[0]).toBeUndefined();
  });
});

test('a file has at most 400 lines', () => {
  const long = files.filter(
    (f) => !f.includes('/generated/') && !f.endsWith('.test.ts') && readFileSync(f, 'utf8').split('\n').length > 400,
  );
  expect(long.map((f) => relative(src, f))).toEqual([]);
});

test('no two modules give a type the same name: a reader would have to know which is meant', () => {
  const declared = new Map<string, string[]>();
  for (const file of files) {
    if (isTest(file) || file.includes('/generated/')) continue;
    for (const [, name] of readFileSync(file, 'utf8').matchAll(
      /^export (?:abstract )?(?:interface|class|type) (\w+)/gm,
    ))
      declared.set(name!, [...(declared.get(name!) ?? []), relative(src, file)]);
  }
  expect([...declared].filter(([, where]) => where.length > 1)).toEqual([]);
});

test('a time with whole seconds is written by k8s/rfc3339.ts alone: six modules had their own', () => {
  const own = /toISOString\(\)\s*(\.replace\(\/\\\.\\d|\.slice\(0, 19\)\}Z)/;
  const owners = files.filter((f) => !isTest(f) && own.test(readFileSync(f, 'utf8')));
  expect(owners.map((f) => relative(src, f))).toEqual(['k8s/rfc3339.ts']);
});

test('what the core exports says what it promises', () => {
  const core = ['loop', 'pods', 'podworker', 'ledger', 'plugins', 'rpc'];
  const bare = files
    .filter((f) => core.includes(layerOf(f)) && !isTest(f) && !f.includes('/generated/'))
    .flatMap((f) => {
      const lines = readFileSync(f, 'utf8').split('\n');
      return lines.flatMap((line, i) => {
        const [, name] =
          /^export (?:abstract |async )*(?:interface|class|type|function\*?|const) (\w+)/.exec(line) ?? [];
        return name && !lines[i - 1]?.endsWith('*/') ? [`${relative(src, f)}: ${name}`] : [];
      });
    });
  expect(bare).toEqual([]);
});
