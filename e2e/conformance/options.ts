import path from 'node:path';
import { parseArgs } from 'node:util';
import { knownLists, selections } from './lists.ts';

export const usage = `npm run conformance -- --list NAME|FILE [options]
Runs specs of Kubernetes' own test suites, by exact name, against a kubelet; keeps each result in e2e/conformance/results.
  --list NAME|FILE  ${Object.keys(knownLists).join(', ')},
                    ${Object.keys(selections).join(', ')} (selections), or a file of lines PATH<TAB>NAME
  --kubelet KIND    ts (this checkout, the default) or go (the reference: results are kept and reused)
  --file PART       only specs of files whose path holds PART; may be repeated
  --name REGEX      only specs whose name matches
  --failed          only specs whose last result is a failure, or that have none
  --not-run         only specs that have no result with this kubelet
  --procs N         processes side by side (4); [Serial] and timed specs run alone in any case
  --time-limit 15m  stop then (s, m or h); what has not ended has no result
  --resume          go on with the last run: specs that it has a result for are not run again
  --until-it-fails  run the specs round after round until one fails, or --time-limit
  --again           go only: run specs that have a settled result too
  --output DIR      write junit_01.xml, e2e.log and version.txt there, and the logs (the cluster's logs directory)
  --nodes N         nodes of the cluster (1); some specs of conformance want 2
  --suite-kubelet   the suite (e2e_node.test) starts, configures and restarts the kubelet, and brings its API server
  --cluster NAME    the cluster to use (conf); it is brought up if it is not there`;

export interface ConformanceOptions {
  /** A list's name or a file. */
  list: string;
  kubelet: 'go' | 'ts';
  files: string[];
  name?: RegExp;
  failed: boolean;
  notRun: boolean;
  procs: number;
  /** Milliseconds. */
  timeLimit?: number;
  resume: boolean;
  again: boolean;
  untilItFails: boolean;
  nodes: number;
  cluster: string;
  /** An absolute path. */
  output?: string;
  /** True: the node suite starts the kubelet, configures and restarts it, and brings its own API server. */
  suiteKubelet: boolean;
  /** False: results are not kept in the repository. */
  keep: boolean;
}

/** Reads `90s`, `15m` or `2h` as milliseconds. */
export function duration(text: string): number {
  const match = /^(\d+)(s|m|h)$/.exec(text);
  if (!match) throw new Error(`--time-limit ${text}: write 90s, 15m or 2h`);
  return Number(match[1]) * { s: 1000, m: 60_000, h: 3_600_000 }[match[2] as 's' | 'm' | 'h'];
}

function oneOf<T extends string>(flag: string, text: string | undefined, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw new Error(`--${flag} ${text ?? ''}: choose ${choices.join(', ')}`);
  return found;
}

/** Reads the command line; prints the usage and ends the program when asked for help. */
export function conformanceOptions(args: readonly string[]): ConformanceOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      list: { type: 'string' },
      kubelet: { type: 'string', default: 'ts' },
      file: { type: 'string', multiple: true, default: [] },
      name: { type: 'string' },
      failed: { type: 'boolean', default: false },
      'not-run': { type: 'boolean', default: false },
      procs: { type: 'string', default: '4' },
      'time-limit': { type: 'string' },
      resume: { type: 'boolean', default: false },
      'until-it-fails': { type: 'boolean', default: false },
      again: { type: 'boolean', default: false },
      'suite-kubelet': { type: 'boolean', default: false },
      cluster: { type: 'string', default: process.env.KUBELET_TS_CLUSTER ?? 'conf' },
      nodes: { type: 'string', default: '1' },
      output: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  if (values.list === undefined) throw new Error('--list: name a list or a file');
  const procs = Number(values.procs);
  if (!Number.isInteger(procs) || procs < 1) throw new Error(`--procs ${values.procs}: a number from 1 on`);
  return {
    list: values.list,
    kubelet: oneOf('kubelet', values.kubelet, ['go', 'ts']),
    files: values.file,
    failed: values.failed,
    notRun: values['not-run'],
    procs,
    resume: values.resume,
    again: values.again || values['until-it-fails'], // kept results say nothing about a repetition
    untilItFails: values['until-it-fails'],
    nodes: Number(values.nodes),
    cluster: values.cluster,
    suiteKubelet: values['suite-kubelet'],
    keep: true,
    ...(values.output === undefined ? {} : { output: path.resolve(values.output) }),
    ...(values.name === undefined ? {} : { name: new RegExp(values.name) }),
    ...(values['time-limit'] === undefined ? {} : { timeLimit: duration(values['time-limit']) }),
  };
}
