import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { usage as conformanceUsage } from '../../e2e/conformance/options.ts';
import { usage as e2eUsage, readOptions } from '../../e2e/lib/options.ts';
import { parseCommand } from '../../src/config/command.ts';
import { demoOptions, usage as upUsage } from '../demo/options.ts';
import { linkTargets, type ShownCommand, shownCommands } from './commands.ts';

// What a page shows must exist: scripts, files, flags, sub-commands. Whether the commands do what the page says is e2e's affair.
const root = process.cwd();
const documents = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' });
const pages = [
  'README.md',
  'hack/README.md',
  ...documents.filter((f) => f.endsWith('.md')).map((f) => join('docs', f)),
];
const textOf = (page: string) => readFileSync(join(root, page), 'utf8');
const commands = pages.flatMap((page) => shownCommands(page, textOf(page)));
const scripts = (JSON.parse(textOf('package.json')) as { scripts: Record<string, string> }).scripts;
const label = ({ page, words }: ShownCommand): [string, ShownCommand] => [
  `${page}: ${words.join(' ')}`,
  { page, words },
];

/** What a reader puts in for these words does not matter here. */
const filled = (words: readonly string[]) =>
  words.filter((w) => w !== '…').map((w) => w.replaceAll(/[[\]]|\(|`|\\/g, ''));

test('pages show commands', () => expect(commands.length).toBeGreaterThan(30));

const npm = commands.filter(({ words }) => words[0] === 'npm');
test.each(npm.map(label))('%s', (_, { words }) => {
  const name = words[1] === 'run' ? words[2]! : words[1]!;
  expect(Object.keys(scripts)).toContain(name);
  const at = words.indexOf('--');
  const args = at < 0 ? [] : filled(words.slice(at + 1));
  if (name === 'up') expect(() => demoOptions(args)).not.toThrow();
  else if (name === 'e2e') expect(() => readOptions(args)).not.toThrow();
  else expectFlagsIn(args, sourceOf(name));
});

const usages: Readonly<Record<string, string>> = { up: upUsage, e2e: e2eUsage, conformance: conformanceUsage };

/** Where a script's flags are declared: its usage text, or its source. */
function sourceOf(script: string): string {
  if (usages[script]) return usages[script];
  const files = [...scripts[script]!.matchAll(/\bnode (\S+\.ts)/g)].map(([, file]) => textOf(file!));
  return [...files, textOf('hack/cluster/options.ts')].join('\n');
}

function expectFlagsIn(args: readonly string[], text: string): void {
  for (const arg of args.filter((a) => a.startsWith('--') && a !== '--help')) {
    const name = arg.slice(2).split('=')[0]!;
    expect(text).toMatch(new RegExp(`\\b${name}\\b`));
  }
}

const programs = commands.filter(({ words }) => /^hack\/|^node$/.test(words[0]!));
test.each(programs.map(label))('%s', (_, { words }) => {
  const file = words[0] === 'node' ? words[1]! : words[0]!;
  if (!/[A-Z*…]/.test(file.replace(/README/, ''))) expect(existsSync(join(root, file))).toBe(true);
});

const agent = commands.flatMap(({ page, words }) => {
  const at = words.findIndex((w) => w === 'hack/bin/kubelet-ts' || w === 'kubelet-ts');
  return at < 0 ? [] : [{ page, words: words.slice(at + 1).filter((w) => !/^[|>]/.test(w)) }];
});
test.each(agent.filter(({ words }) => words.length > 0 && !words[0]!.includes('|')).map(label))(
  'kubelet-ts takes %s',
  (_, { words }) => {
    expect(() => parseCommand(filled(words))).not.toThrow();
  },
);

test.each(pages.flatMap((page) => linkTargets(textOf(page)).map((target) => [page, target])))(
  '%s links to %s',
  (page, target) => {
    expect(existsSync(join(root, dirname(page!), target!))).toBe(true);
  },
);
