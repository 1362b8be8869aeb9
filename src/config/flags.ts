import { nearest } from '../lib/nearest.ts';
import { complete } from './check.ts';
import { readFlag } from './flagSyntax.ts';
import { FLAGS, type Flag, flagName } from './flagTable.ts';
import { type KubeletOptions, optionFields } from './options.ts';
import { ConfigurationError, type Problem } from './problem.ts';
import { readLeaf } from './values.ts';

/** What the command line says. */
export interface ParsedFlags {
  /** Flags that are no configuration field, with their defaults. */
  readonly options: KubeletOptions;
  /** Configuration fields that flags set: dotted path → raw value in the form of a configuration file. */
  readonly overrides: ReadonlyMap<string, unknown>;
  /** Names (without dashes) of the flags that were given, for warnings. */
  readonly given: ReadonlySet<string>;
  /** `--help` or `-h` was given. */
  readonly help: boolean;
  /** Value of `--version`, when it was given and is not false. */
  readonly version?: 'true' | 'raw';
}

interface State {
  readonly raw: Map<string, unknown>;
  readonly problems: Problem[];
  help: boolean;
  version: string;
}

const SHORT: Readonly<Record<string, string>> = { v: 'v', h: 'help' };

/** Reads a command line in Go's style. Throws ConfigurationError with a sentence for each flag that is wrong. */
export function parseFlags(args: readonly string[]): ParsedFlags {
  const state: State = { raw: new Map(), problems: [], help: false, version: 'false' };
  for (let i = 0; i < args.length; i++) i += readArgument(args[i]!, args[i + 1], args.slice(i + 1), state);
  if (state.problems.length > 0 && !state.help) throw new ConfigurationError(state.problems);
  const options: Record<string, unknown> = {};
  for (const option of Object.keys(optionFields)) options[option] = state.raw.get(flagName(option));
  const overrides = [...state.raw].flatMap(([name, raw]) => {
    const path = FLAGS.get(name)?.path;
    return path === undefined ? [] : [[path, raw] as const];
  });
  return {
    options: Object.freeze(complete(optionFields, options)) as KubeletOptions,
    overrides: new Map(overrides),
    given: new Set(state.raw.keys()),
    help: state.help,
    ...(state.version !== 'false' && { version: state.version as 'true' | 'raw' }),
  };
}

/** Reads one argument and returns how many more it used. */
function readArgument(argument: string, next: string | undefined, rest: readonly string[], state: State): number {
  if (argument === '--') {
    if (rest[0] !== undefined) state.problems.push(positional(rest[0]));
    return rest.length;
  }
  if (!argument.startsWith('-') || argument === '-') {
    state.problems.push(positional(argument));
    return 0;
  }
  const short = !argument.startsWith('--');
  const { name, value } = short ? splitShort(argument) : splitLong(argument);
  if (name === 'help' || name === 'version') return readSpecial(name, value, state);
  const flag = short ? FLAGS.get(SHORT[name] ?? '') : FLAGS.get(name);
  if (!flag) {
    state.problems.push(unknownFlag(short ? `-${name}` : `--${name}`, name));
    // The value of an unknown flag would otherwise be reported as a command.
    return value === undefined && next !== undefined && !next.startsWith('-') ? 1 : 0;
  }
  if (value !== undefined || flag.row.kind === 'bool') {
    setFlag(flag, value ?? 'true', state);
    return 0;
  }
  if (next === undefined) state.problems.push({ path: `--${flag.name}`, sentence: 'needs a value' });
  else setFlag(flag, next, state);
  return 1;
}

function splitLong(argument: string): { name: string; value?: string } {
  const at = argument.indexOf('=');
  // Old flags were spelled with underscores.
  const name = argument.slice(2, at < 0 ? undefined : at).replaceAll('_', '-');
  return at < 0 ? { name } : { name, value: argument.slice(at + 1) };
}

function splitShort(argument: string): { name: string; value?: string } {
  const name = argument[1]!;
  const rest = argument.slice(2).replace(/^=/, '');
  return { name: name === 'h' ? 'help' : name, ...(rest !== '' && { value: rest }) };
}

function readSpecial(name: 'help' | 'version', value: string | undefined, state: State): number {
  const text = value ?? 'true';
  if (name === 'help') state.help = text !== 'false';
  else if (['true', 'false', 'raw'].includes(text)) state.version = text;
  else state.problems.push({ path: '--version', sentence: "must be 'true', 'false' or 'raw'" });
  return 0;
}

function setFlag(flag: Flag, text: string, state: State): void {
  const reading = readFlag(flag, text, state.raw.get(flag.name));
  const leaf = 'raw' in reading && flag.row.kind !== 'list' ? readLeaf(flag.row, reading.raw) : reading;
  if ('raw' in reading) state.raw.set(flag.name, reading.raw);
  if (!('problem' in leaf)) return;
  const shown = flag.row.secret || 'raw' in reading ? '' : `, not ${JSON.stringify(text)}`;
  state.problems.push({ path: `--${flag.name}`, sentence: leaf.problem + shown });
}

function unknownFlag(shown: string, name: string): Problem {
  const near = nearest(name, FLAGS.keys());
  return { path: '', sentence: `unknown flag: ${shown}${near ? ` (did you mean --${near}?)` : ''}` };
}

function positional(argument: string): Problem {
  const bool = /^(true|false)$/i.test(argument) ? ` (a flag of true or false takes its value after '=')` : '';
  return { path: '', sentence: `unknown command ${argument}${bool}` };
}
