import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { errorMessage } from '../lib/errors.ts';
import { parseYaml, YamlError, type YamlFile } from '../lib/yaml.ts';
import { checkObject } from './check.ts';
import { API_VERSION, FIELD_BY_PATH, FIELDS, KIND } from './kubeletConfiguration.ts';
import { ConfigurationError, type Problem } from './problem.ts';

/** Raw configuration as a file holds it. */
export type Raw = Record<string, unknown>;

/** One configuration file that was read and checked by itself. */
export interface ConfigFile {
  readonly file: string;
  readonly raw: Raw;
  readonly lineOf: YamlFile['lineOf'];
}

/** Reads and checks the file of `--config` or one drop-in. Throws ConfigurationError. */
export function readConfigFile(name: string): ConfigFile {
  const file = resolve(name);
  const { value, lineOf } = parse(file);
  const { apiVersion, kind, ...raw } = value as Raw;
  const problems: Problem[] = [];
  const report = (path: readonly (string | number)[], sentence: string) =>
    void problems.push({ file, line: lineOf(path), path: pathText(path), sentence });
  if (apiVersion !== API_VERSION) report(['apiVersion'], `must be ${API_VERSION}, not ${JSON.stringify(apiVersion)}`);
  if (kind !== KIND) report(['kind'], `must be ${KIND}, not ${JSON.stringify(kind)}`);
  checkObject(FIELDS, raw, report);
  if (problems.length > 0) throw new ConfigurationError(problems);
  resolvePaths(raw, dirname(file));
  return { file, raw, lineOf };
}

/** The drop-ins of a directory: every `*.conf` in it and below, in the order of Go's WalkDir. Throws ConfigurationError. */
export function readDropIns(directory: string): ConfigFile[] {
  return confFiles(resolve(directory)).map(readConfigFile);
}

function confFiles(directory: string): string[] {
  try {
    // Entries by name, a directory's content in the place of its name; order of bytes, not of a locale.
    const entries = readdirSync(directory, { withFileTypes: true });
    entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
    return entries.flatMap((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return confFiles(path);
      return entry.name.endsWith('.conf') ? [path] : [];
    });
  } catch (error) {
    throw unreadable(directory, error);
  }
}

function parse(file: string): YamlFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
  try {
    const [first, second] = parseYaml(text);
    if (second)
      throw new YamlError('holds more than one document; one KubeletConfiguration is allowed', second.lineOf([]));
    if (!first || typeof first.value !== 'object' || first.value === null || Array.isArray(first.value)) {
      throw new YamlError(`must hold a ${KIND} (a map with apiVersion ${API_VERSION})`, 1);
    }
    return first;
  } catch (error) {
    const { line, message } = error as YamlError;
    throw new ConfigurationError([{ file, line, path: '', sentence: message }]);
  }
}

function unreadable(file: string, error: unknown): ConfigurationError {
  return new ConfigurationError([{ file, path: '', sentence: `cannot be read: ${errorMessage(error)}` }]);
}

/** Relative paths in a file start at the file's directory, so that a configuration can be moved as a whole. */
function resolvePaths(raw: Raw, directory: string): void {
  for (const [path, field] of FIELD_BY_PATH) {
    const value = field.relativeToFile ? getPath(raw, path) : undefined;
    if (typeof value === 'string' && value !== '') setPath(raw, path, resolve(directory, value));
  }
}

/** The value at a dotted path; undefined when something on the way is missing. */
export function getPath(raw: Readonly<Raw>, path: string): unknown {
  let at: unknown = raw;
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Raw)[name];
  }
  return at;
}

/** Sets the value at a dotted path, making maps on the way. */
export function setPath(raw: Raw, path: string, value: unknown): void {
  const names = path.split('.');
  let at = raw;
  for (const name of names.slice(0, -1)) {
    const next = at[name];
    if (typeof next !== 'object' || next === null || Array.isArray(next)) at[name] = {};
    at = at[name] as Raw;
  }
  at[names.at(-1)!] = value;
}

/** `registerWithTaints[0].effect` from its parts. */
function pathText(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

/** RFC 7386: maps merge key by key, null removes, everything else replaces. Neither argument is changed. */
export function mergePatch(base: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const target: Raw = typeof base === 'object' && base !== null && !Array.isArray(base) ? { ...(base as Raw) } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete target[name];
    else target[name] = mergePatch(target[name], value);
  }
  return target;
}
