import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FIELDS } from './kubeletConfiguration.ts';
import { optionFields } from './options.ts';
import { type Field, leaves } from './schema.ts';

/** Acted on in part only, so that setting them still warns; with what is done. */
const PARTIAL: Readonly<Record<string, string>> = {
  syncFrequency: 'the limit of the health check; Pods are not read again by it',
  systemCgroups: 'statistics; no process is moved',
};

const FIELD_LEAVES = new Map(leaves(FIELDS).map(({ path, field }) => [path, field]));
const OPTION_LEAVES = new Map(leaves(optionFields).map(({ path, field }) => [path, field]));

/** The source outside src/config, without tests and comments. */
function sources(): string[] {
  const src = join(import.meta.dirname, '..');
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/^config\/|\.test\.ts$|\/fake\//.test(file))
    .map((file) => readFileSync(join(src, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ''));
}

/** Of src/config what acts on settings: not the tables, nor what judges them. */
function ownSources(): string[] {
  const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' });
  return files
    .filter(
      (file) =>
        file.endsWith('.ts') &&
        !/^(fields\/|options|validate|flag|schema|help|kubeletConfiguration)|\.test\.ts$/.test(file),
    )
    .map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'));
}

/** The rows of `table` that `text` reads of an object called `name`: `config.a.b`, or taken out with `const { a } = config`. */
function read(text: string, name: 'config' | 'options', table: ReadonlyMap<string, Field<unknown>>): string[] {
  const direct = [...text.matchAll(new RegExp(`\\b${name}((?:\\??\\.\\w+)+)`, 'g'))].map(([, path]) => path!);
  const taken = [...text.matchAll(new RegExp(`\\{([\\w\\s,:]*)\\} = (?:\\w+\\.)*${name}((?:\\??\\.\\w+)*)`, 'g'))];
  const named = taken.flatMap(([, names, path]) => names!.split(',').map((n) => `${path}.${n.split(':')[0]!.trim()}`));
  return [...direct, ...named].flatMap((path) => {
    const parts = path.replaceAll('?', '').split('.').slice(1);
    const prefixes = parts.map((_part, i) => parts.slice(0, i + 1).join('.'));
    return prefixes.filter((prefix) => table.has(prefix));
  });
}

test('what the program reads is marked as supported, or is on the list of what it does in part', () => {
  const texts = sources();
  const used = (name: 'config' | 'options', table: ReadonlyMap<string, Field<unknown>>) =>
    [...new Set(texts.flatMap((text) => read(text, name, table)))].map((path) => ({ path, field: table.get(path)! }));
  const all = [...used('config', FIELD_LEAVES), ...used('options', OPTION_LEAVES)];
  expect(all.length).toBeGreaterThanOrEqual(90); // of the flag `config` nobody out here reads anything
  const accepted = all.filter(({ field }) => (field.support ?? 'accepted') !== 'supported').map(({ path }) => path);
  expect(accepted.sort()).toEqual(Object.keys(PARTIAL));
});

test('what is marked as supported is read, at least by its own name', () => {
  const texts = [...sources(), ...ownSources()];
  const seen = new Set(
    texts.flatMap((t) => [...read(t, 'config', FIELD_LEAVES), ...read(t, 'options', OPTION_LEAVES)]),
  );
  const marked = [...FIELD_LEAVES, ...OPTION_LEAVES].filter(([, field]) => field.support === 'supported');
  const unseen = marked.map(([path]) => path).filter((path) => !seen.has(path));
  const unread = unseen.filter((path) => {
    const name = new RegExp(`\\b${path.split('.').at(-1)}\\b`);
    return !texts.some((text) => name.test(text));
  });
  expect(unread).toEqual([]);
});

test('what is different on purpose stands in docs/differences.md, by name', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/differences.md'), 'utf8');
  const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const names = [
    ...[...FIELD_LEAVES].map(([path, field]) => ({ name: path.split('.').at(-1)!, field })),
    ...[...OPTION_LEAVES].map(([path, field]) => ({ name: `--${kebab(path)}`, field })),
  ].filter(({ field }) => field.support === 'different');
  expect(names.length).toBeGreaterThan(8);
  expect(names.map(({ name }) => name).filter((name) => !page.includes(name))).toEqual([]);
});

test.each([
  ['config.a.b', ['a.b']],
  ['loaded.config.a?.b.length', ['a.b']],
  ['const { c, d: other } = options.loaded.config;', ['c', 'd']],
  ['const { b } = config.a;', ['a.b']],
  ['config.metadata; configuration.c; options.c', []],
])('what counts as reading: %s', (text, expected) => {
  const table = new Map(['a.b', 'c', 'd'].map((path) => [path, {} as Field<unknown>]));
  expect(read(text, 'config', table)).toEqual(expected);
});
