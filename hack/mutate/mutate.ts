// Changes the source in small ways and runs the tests of its module against each: what no test notices is printed.
// node hack/mutate/mutate.ts --module loop [--sample 200 --seed 1]
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import { keyOf, type Mutation, rangeOf, sampleOf } from './choose.ts';
import { MODULES, sourcesOf } from './modules.ts';
import { mutationsOf } from './mutations.ts';

const root = join(import.meta.dirname, '../..');
process.chdir(root);
const { values } = parseArgs({
  options: { module: { type: 'string' }, sample: { type: 'string' }, seed: { type: 'string', default: '1' } },
});
const module = MODULES[values.module ?? ''];
if (!module) throw new Error(`--module is one of ${Object.keys(MODULES).join(', ')}`);

const all = await mutationsOf(sourcesOf(module));
const chosen = values.sample === undefined ? all : sampleOf(all, Number(values.sample), Number(values.seed));
process.stdout.write(`${values.module}: ${chosen.length} of ${all.length} mutations\n`);

const results = await new Stryker({
  testRunner: 'jest',
  plugins: ['@stryker-mutator/jest-runner'],
  jest: {
    projectType: 'custom',
    config: { ...jestConfig(), testMatch: module.tests.map((path) => `<rootDir>/${path}`) },
  },
  coverageAnalysis: 'perTest',
  mutate: chosen.map(rangeOf),
  ignorePatterns: ['/out', '/dist', '/.git'],
  tempDirName: 'out/mutate',
  concurrency: 2,
  timeoutMS: 60_000,
  timeoutFactor: 4,
  disableTypeChecks: false,
  // Its rewriting needs TypeScript's API, which 7 does not have; nobody reads the file here.
  tsconfigFile: 'none.json',
  reporters: ['progress-append-only'],
  allowEmpty: true,
  clearTextReporter: { allowColor: false },
} as never).runMutationTest();

// A range names a place; of what Stryker makes there only what was chosen counts.
const wanted = new Set(chosen.map(keyOf));
const told = results
  .map(({ fileName, mutatorName, replacement, location, status }) => {
    const mutation: Mutation = {
      ...{ file: relative(root, fileName), mutator: mutatorName, replacement: replacement ?? '' },
      location: { start: fromOne(location.start), end: fromOne(location.end) },
    };
    return { ...mutation, status };
  })
  .filter((one) => wanted.has(keyOf(one)));
const of = (...kinds: readonly string[]) => told.filter(({ status }) => kinds.includes(status));
const killed = of('Killed', 'Timeout');
const survived = of('Survived', 'NoCoverage');
for (const { file, mutator, replacement, location, status } of survived)
  process.stdout.write(
    `${status} ${file}:${location.start.line}:${location.start.column + 1} ${mutator}: ${replacement.slice(0, 200)}\n`,
  );
const counted = killed.length + survived.length;
process.stdout.write(
  `${values.module}: ${killed.length} of ${counted} killed (${((100 * killed.length) / counted).toFixed(1)} %), ${of('NoCoverage').length} of the others run by no test\n`,
);
mkdirSync('out/mutation', { recursive: true });
writeFileSync(`out/mutation/${values.module}.json`, `${JSON.stringify(survived, undefined, 2)}\n`);

/** Columns of its results begin at 1. */
function fromOne({ line, column }: { line: number; column: number }) {
  return { line, column: column - 1 };
}

/** The project's, in Node's own environment: Stryker has its own way into that. */
function jestConfig(): object {
  return {
    testEnvironment: 'node',
    transform: {
      '^.+\\.(ts|js)$': [
        '@swc/jest',
        {
          jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
          module: { type: 'commonjs', ignoreDynamic: true },
        },
      ],
    },
    testTimeout: 240_000,
  };
}
