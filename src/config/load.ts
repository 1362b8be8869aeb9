import { deepFreeze } from '../lib/freeze.ts';
import { complete } from './check.ts';
import { type ConfigFile, getPath, mergePatch, type Raw, readConfigFile, readDropIns, setPath } from './configFiles.ts';
import { type FeatureGates, resolveGates } from './featureGates.ts';
import type { ParsedFlags } from './flags.ts';
import { FLAGS } from './flagTable.ts';
import { FIELD_BY_PATH, FIELDS, type KubeletConfiguration } from './kubeletConfiguration.ts';
import type { KubeletOptions } from './options.ts';
import { ConfigurationError, type Problem } from './problem.ts';
import type { Field } from './schema.ts';
import { crossProblems } from './validate.ts';
import { isUnset } from './values.ts';

/** The configuration in force. */
export interface LoadedConfiguration {
  /** Complete, checked and frozen; durations in milliseconds. */
  readonly config: KubeletConfiguration;
  /** The flags that are no configuration field. */
  readonly options: KubeletOptions;
  readonly gates: FeatureGates;
  /** Sentences to log at the start: what was set and is not yet acted on, or never will be. */
  readonly warnings: readonly string[];
}

/** Hard eviction of a node whose configuration names none. */
export const DEFAULT_EVICTION_HARD: Readonly<Record<string, string>> = {
  'memory.available': '100Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
  'imagefs.available': '15%',
  'imagefs.inodesFree': '5%',
};

/**
 * The configuration from flags, drop-ins, file and defaults, the earlier winning. Reads the files synchronously: it runs before anything
 * else does. Throws ConfigurationError with one line for each problem.
 *
 * The defaults are those of a configuration file even without one (kubelet's own flag defaults would let everybody in), and they
 * include those of evictionHard.
 */
export function loadConfiguration(flags: ParsedFlags): LoadedConfiguration {
  const { config: file, configDir } = flags.options;
  const base = file === '' ? [] : [readConfigFile(file)];
  const dropIns = configDir === '' ? [] : readDropIns(configDir);
  const files = [...base, ...dropIns];
  const raw = merge(base[0]?.raw ?? {}, dropIns);
  applyFlags(raw, flags.overrides);
  const gates = resolveGates((raw.featureGates as Record<string, boolean>) ?? {});
  applyDerivedDefaults(raw, gates.gates);
  const config = complete(FIELDS, raw) as KubeletConfiguration;
  const problems = [
    ...gates.errors.map((sentence) => ({ path: 'featureGates', sentence })),
    ...crossProblems(config, gates.gates),
  ];
  if (problems.length > 0) throw new ConfigurationError(problems.map((p) => locate(p, files, flags)));
  const warnings = [...gates.warnings, ...supportWarnings(files, flags)];
  return { config: deepFreeze(config), options: flags.options, gates: gates.gates, warnings };
}

function merge(base: Raw, dropIns: readonly ConfigFile[]): Raw {
  const start: Raw = { ...base };
  // kubelet fills these defaults in before the drop-ins, so that a drop-in changes single signals of them.
  const own = start.mergeDefaultEvictionSettings === true ? (start.evictionHard as object | undefined) : {};
  if (start.evictionHard === undefined || start.mergeDefaultEvictionSettings === true)
    start.evictionHard = { ...DEFAULT_EVICTION_HARD, ...own };
  return dropIns.reduce<Raw>((raw, dropIn) => mergePatch(raw, dropIn.raw) as Raw, mergePatch({}, start) as Raw);
}

function applyFlags(raw: Raw, overrides: ReadonlyMap<string, unknown>): void {
  for (const [path, value] of overrides) {
    const merged = path === 'featureGates' ? { ...(raw.featureGates as object), ...(value as object) } : value;
    setPath(raw, path, merged);
  }
}

/** Defaults that depend on other fields. */
function applyDerivedDefaults(raw: Raw, gates: FeatureGates): void {
  const unset = (path: string) => isUnset(FIELD_BY_PATH.get(path) as Field<unknown>, getPath(raw, path));
  if (unset('nodeStatusReportFrequency') && !unset('nodeStatusUpdateFrequency')) {
    raw.nodeStatusReportFrequency = raw.nodeStatusUpdateFrequency;
  }
  if (unset('serializeImagePulls')) {
    raw.serializeImagePulls = !(typeof raw.maxParallelImagePulls === 'number' && raw.maxParallelImagePulls > 1);
  }
  if (typeof raw.podPidsLimit === 'number' && raw.podPidsLimit < 0) raw.podPidsLimit = -1;
  const restart = 'crashLoopBackOff.maxContainerRestartPeriod';
  if (unset(restart) && gates.enabled('KubeletCrashLoopBackOffMax')) {
    setPath(raw, restart, gates.enabled('ReduceDefaultCrashLoopBackOffDecay') ? '1m' : '5m');
  }
}

/** Finds where the value of a problem came from: a flag, or the last file that has it. */
function locate(problem: Problem, files: readonly ConfigFile[], flags: ParsedFlags): Problem {
  if (flags.overrides.has(problem.path)) {
    const flag = [...FLAGS.values()].find(({ path }) => path === problem.path);
    return { ...problem, path: `--${flag?.name}` };
  }
  const source = files.findLast(({ raw }) => getPath(raw, problem.path) !== undefined);
  if (!source) return problem;
  return { ...problem, file: source.file, line: source.lineOf(problem.path.split('.')) };
}

function supportWarnings(files: readonly ConfigFile[], flags: ParsedFlags): string[] {
  const warnings: string[] = [];
  const warn = (name: string, field: Field<unknown>) => {
    if (field.support === 'no-effect') warnings.push(`${name} has no effect and can be removed: ${field.doc}`);
    else if (field.support === 'different') warnings.push(`${name} changes nothing here: ${field.doc}`);
    else if (field.support !== 'supported') warnings.push(`${name} is accepted but not yet acted on: ${field.doc}`);
  };
  for (const [path, field] of FIELD_BY_PATH) {
    const source = files.findLast(({ raw }) => !isUnset(field, getPath(raw, path)));
    const given = source && getPath(source.raw, path);
    // A value equal to the default asks for nothing: kubeadm writes many of those.
    if (source && !isDefault(field, given) && !field.done?.includes(given))
      warn(`${source.file}:${source.lineOf(path.split('.'))}: ${path}`, field);
  }
  for (const name of flags.given) warn(`--${name}`, FLAGS.get(name)!.row);
  return warnings;
}

function isDefault(field: Field<unknown>, given: unknown): boolean {
  const value = complete({ it: field }, { it: given }).it;
  return JSON.stringify(value) === JSON.stringify(field.fallback);
}
