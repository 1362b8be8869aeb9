import { readFileSync } from 'node:fs';
import { Instrumenter } from '@stryker-mutator/instrumenter';
import type { Mutation } from './choose.ts';

const silent = { isTraceEnabled: () => false, isDebugEnabled: () => false, isInfoEnabled: () => false };
const logger = { ...silent, trace() {}, debug() {}, info() {}, warn() {}, error() {}, fatal() {} };

/** All changes that Stryker can make in these files. */
export async function mutationsOf(files: readonly string[]): Promise<Mutation[]> {
  const input = files.map((name) => ({ name, content: readFileSync(name, 'utf8'), mutate: true as const }));
  const options = { ignorers: [], excludedMutations: [], plugins: null, noHeader: true };
  const { mutants } = await new Instrumenter(logger as never).instrument(input, options as never);
  return mutants
    .filter(({ status }) => status !== 'Ignored')
    .map(({ fileName, mutatorName, replacement, location }) => ({
      ...{ file: fileName, mutator: mutatorName, replacement },
      // Stryker's lines begin at 0 here, and at 1 where it is told which to make.
      location: {
        start: { line: location.start.line + 1, column: location.start.column },
        end: { line: location.end.line + 1, column: location.end.column },
      },
    }));
}
