import { globSync } from 'node:fs';

/** What is mutated, and the tests that are to notice: those of the module, and of others those that are about it. */
export interface Module {
  readonly sources: readonly string[];
  readonly tests: readonly string[];
}

const below = (directory: string, ...more: readonly string[]): Module => ({
  sources: [`${directory}/**/*.ts`],
  tests: [`${directory}/**/*.test.ts`, ...more],
});

/** By the name that --module takes. */
export const MODULES: Readonly<Record<string, Module>> = {
  rules: below('src/podworker/rules', 'src/podworker/manyContainers.test.ts', 'src/podworker/generatedPods.test.ts'),
  spec: below('src/podworker/spec'),
  loop: below('src/loop'),
  pods: below('src/pods'),
  podworker: {
    sources: ['src/podworker/*.ts', 'src/podworker/actions/**/*.ts'],
    tests: ['src/podworker/*.test.ts', 'src/podworker/actions/**/*.test.ts'],
  },
  status: below('src/status'),
  ledger: below('src/ledger'),
  volumes: below('src/volumes'),
  cri: below('src/cri'),
  server: below('src/server'),
};

/** What is no part of the program: tests, what they use, and what is generated. */
const OTHER = /\.test\.ts$|\.table\.ts$|\/(fake|testing|generated)\/|\/testing\.ts$/;

export function sourcesOf({ sources }: Module): string[] {
  return globSync([...sources])
    .filter((path) => !OTHER.test(path))
    .sort();
}
