import { parseArgs } from 'node:util';

export interface Options {
  /** Names of groups or tests (or parts of them); empty: all. */
  readonly only: readonly string[];
  readonly list: boolean;
  readonly full: boolean;
  /** Leave the cluster up at the end. */
  readonly keep: boolean;
  /** Tests beside one another. */
  readonly jobs: number;
  /** The selection of Kubernetes' own specs too. */
  readonly conformance: boolean;
  /** Where every random choice of the fault tests comes from. */
  readonly seed: number;
}

export const usage = `npm run e2e [-- OPTIONS]: tests kubelet-ts with a real API server, containerd, runc and CNI in clusters of its own.

  --list         prints the tests
  --only NAME    only groups or tests whose "group/name" contains NAME; may be repeated
  --full         full sizes (200 kills …); about 40 minutes. Without it: reduced sizes, under 10 minutes on a usual day
  --conformance  a selection of Kubernetes' own specs too (group conformance): 80 specs, some 6 minutes more
  --jobs N       tests beside one another (default 8)
  --seed N       seed of the random choices (default 1)
  --keep         leaves the cluster up; its name is printed`;

/** Reads the command line; undefined when help was asked for. Throws on what it does not know. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      list: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      conformance: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      jobs: { type: 'string', default: '8' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const number = (name: 'jobs' | 'seed'): number => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 1)
      throw new Error(`--${name} ${values[name]}: give a whole number from 1 up`);
    return value;
  };
  const { only, list, full, conformance, keep } = values;
  return { only, list, full, conformance, keep, jobs: number('jobs'), seed: number('seed') };
}
