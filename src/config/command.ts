import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { errorMessage } from '../lib/errors.ts';
import { defaultDebugSocket, isLoopback } from './debugPlaces.ts';
import { type ParsedFlags, parseFlags } from './flags.ts';
import { commandHelp, runHelp } from './help.ts';
import { optionFields } from './options.ts';
import { ConfigurationError } from './problem.ts';
import { versionsText, versionText } from './version.ts';

/** How a sub-command prints. */
export type Output = 'text' | 'json';

/** A Pod as people name it on the command line. */
export interface PodName {
  readonly namespace: string;
  readonly name: string;
}

/** Where a running agent is asked: on its unix socket, or on a loopback address. */
export type AgentPlace = { readonly socket: string } | { readonly address: string };

/** What the command line asks for. */
export type Command =
  /** Run the node agent. */
  | { readonly kind: 'run'; readonly flags: ParsedFlags }
  /** Print `text` and exit 0. */
  | { readonly kind: 'print'; readonly text: string }
  /** Ask a running agent why Pods wait; without a Pod: all that wait. `node`: what the node is short of and who has what of it. */
  | {
      readonly kind: 'why';
      readonly pod?: PodName;
      readonly node?: true;
      readonly agent: AgentPlace;
      readonly output: Output;
    }
  /** Ask a running agent for the timeline of a Pod. */
  | { readonly kind: 'timeline'; readonly pod: PodName; readonly agent: AgentPlace; readonly output: Output }
  /** Decide recorded facts again and print the first difference. */
  | { readonly kind: 'replay'; readonly file: string; readonly pod?: PodName; readonly output: Output }
  /** Say whether this machine can be a node with these flags. */
  | { readonly kind: 'preflight'; readonly flags: ParsedFlags; readonly output: Output }
  /** Join a k3s cluster, then run the node agent; `args` come after `k3s`. */
  | { readonly kind: 'join'; readonly args: readonly string[] }
  /** Print what would be done for manifests, without doing it. */
  | { readonly kind: 'plan'; readonly files: readonly string[]; readonly output: Output };

/** The sub-commands with what they take, for help. */
const SUBCOMMANDS = ['why', 'timeline', 'replay', 'plan', 'preflight', 'join'] as const;
type Subcommand = (typeof SUBCOMMANDS)[number];

const COMMON = {
  help: { type: 'boolean', short: 'h' },
  output: { type: 'string', short: 'o' },
  namespace: { type: 'string', short: 'n' },
} as const satisfies ParseArgsOptionsConfig;
const AGENT = {
  'root-dir': { type: 'string' },
  socket: { type: 'string' },
  address: { type: 'string' },
} as const satisfies ParseArgsOptionsConfig;
const EXTRA: Record<Exclude<Subcommand, 'preflight' | 'join'>, ParseArgsOptionsConfig> = {
  why: { ...AGENT, node: { type: 'boolean' } },
  timeline: AGENT,
  replay: { pod: { type: 'string' } },
  plan: {},
};

interface Arguments {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
}

/** Reads the arguments after the program's name. Throws ConfigurationError with a sentence. */
export function parseCommand(args: readonly string[]): Command {
  const first = args[0];
  if (SUBCOMMANDS.includes(first as Subcommand)) return parseSubcommand(first as Subcommand, args.slice(1));
  if (first === 'help') return { kind: 'print', text: runHelp() };
  if (first === 'version') return printVersions(args.slice(1));
  const flags = parseFlags(args);
  if (flags.help) return { kind: 'print', text: runHelp() };
  if (flags.version) return { kind: 'print', text: versionText(flags.version) };
  return { kind: 'run', flags };
}

function printVersions(rest: readonly string[]): Command {
  if (rest.length === 0) return { kind: 'print', text: versionsText() };
  throw new ConfigurationError([{ path: 'version', sentence: `takes no arguments, not ${JSON.stringify(rest[0])}` }]);
}

/** Takes the agent's own flags, and -o. */
function parsePreflight(args: readonly string[]): Command {
  const at = args.findIndex((arg) => /^(-o|--output)(=|$)/.test(arg));
  const [word = '', value] = at < 0 ? [] : (args[at] as string).split('=', 2);
  const taken = word === '' ? 0 : value === undefined ? 2 : 1;
  const output = outputOf(word === '' ? undefined : (value ?? args[at + 1] ?? ''));
  const flags = parseFlags(taken === 0 ? args : args.toSpliced(at, taken));
  if (flags.help) return { kind: 'print', text: commandHelp('preflight') };
  return { kind: 'preflight', flags, output };
}

/** What kind of cluster; the rest is for who joins. */
function parseJoin(args: readonly string[]): Command {
  const [cluster, ...rest] = args;
  if (cluster === 'k3s') return { kind: 'join', args: rest };
  if (cluster === '-h' || cluster === '--help') return { kind: 'print', text: commandHelp('join') };
  throw refuse('join', 'needs the kind of cluster, which is k3s: kubelet-ts join k3s --server URL --token-file FILE');
}

function parseSubcommand(kind: Subcommand, args: readonly string[]): Command {
  if (kind === 'preflight') return parsePreflight(args);
  if (kind === 'join') return parseJoin(args);
  const { values, positionals } = readArguments(kind, args);
  if (values.help === true) return { kind: 'print', text: commandHelp(kind) };
  const output = outputOf(values.output);
  const namespace = typeof values.namespace === 'string' ? values.namespace : 'default';
  const pods = (max: number) => podsOf(kind, positionals, namespace, max);
  switch (kind) {
    case 'why': {
      // A Pod of that name is asked for with its namespace.
      if (positionals.length === 1 && positionals[0] === 'node' && values.namespace === undefined)
        return { kind, node: true, agent: agentPlace(kind, values), output };
      const [pod] = pods(1);
      const node = values.node === true ? { node: true as const } : {};
      if (node.node && pod) throw refuse(kind, 'takes a Pod or --node, not both');
      return { kind, ...(pod && { pod }), ...node, agent: agentPlace(kind, values), output };
    }
    case 'timeline': {
      const [pod] = pods(1);
      if (!pod) throw refuse(kind, 'needs the name of a Pod: kubelet-ts timeline [NAMESPACE/]POD');
      return { kind, pod, agent: agentPlace(kind, values), output };
    }
    case 'replay': {
      const [file, ...more] = positionals;
      if (file === undefined || more.length > 0) throw refuse(kind, 'needs one recorded file: kubelet-ts replay FILE');
      const pod = typeof values.pod === 'string' ? podName(values.pod, namespace) : undefined;
      return { kind, file, ...(pod && { pod }), output };
    }
    case 'plan':
      if (positionals.length === 0) throw refuse(kind, 'needs a manifest: kubelet-ts plan FILE…');
      return { kind, files: positionals, output };
  }
}

function readArguments(kind: Exclude<Subcommand, 'preflight' | 'join'>, args: readonly string[]): Arguments {
  try {
    const options = { ...COMMON, ...EXTRA[kind] };
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { values: values as Arguments['values'], positionals };
  } catch (error) {
    throw refuse(kind, errorMessage(error).split('. ')[0]!);
  }
}

function agentPlace(kind: Subcommand, values: Arguments['values']): AgentPlace {
  const given = Object.keys(AGENT).filter((name) => values[name] !== undefined);
  if (given.length > 1) throw refuse(kind, `takes one of --${given.join(' and --')}, not both`);
  const { socket, address } = values;
  if (typeof address === 'string') {
    if (isLoopback(address)) return { address };
    throw refuse(kind, `--address must be a loopback address with a port, not ${JSON.stringify(address)}`);
  }
  if (typeof socket === 'string') return { socket };
  return { socket: defaultDebugSocket(String(values['root-dir'] ?? optionFields.rootDir.fallback)) };
}

function podsOf(kind: Subcommand, names: readonly string[], namespace: string, max: number): PodName[] {
  if (names.length > max) throw refuse(kind, `takes one Pod, not ${names.length}`);
  return names.map((name) => podName(name, namespace));
}

function podName(text: string, namespace: string): PodName {
  const at = text.indexOf('/');
  return at < 0 ? { namespace, name: text } : { namespace: text.slice(0, at), name: text.slice(at + 1) };
}

function outputOf(value: string | boolean | undefined): Output {
  if (value === undefined || value === 'text' || value === 'json') return value ?? 'text';
  throw new ConfigurationError([{ path: '--output', sentence: `must be text or json, not ${JSON.stringify(value)}` }]);
}

function refuse(kind: Subcommand, sentence: string): ConfigurationError {
  return new ConfigurationError([{ path: kind, sentence: `${sentence} (see kubelet-ts ${kind} --help)` }]);
}
