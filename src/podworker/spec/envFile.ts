/** Longest line that the Go kubelet's scanner takes, in bytes, without the newline. */
const MAX_LINE = 64 * 1024 - 1;

/** What an environment file says about one key: its value, nothing, or that the file is not of the form. */
export type EnvFileValue = { readonly value: string } | { readonly absent: true } | { readonly error: string };

/** A file that was read once: the first value of each name, up to where it is not of the form. */
export interface ParsedEnvFile {
  readonly values: ReadonlyMap<string, string>;
  readonly error?: string;
}

/**
 * Reads a file of lines `NAME='value'` (KEP-3721). Only single quotes, taken literally, also over several lines;
 * comments and blank lines are skipped. A blank after `=` means an empty value, as in a shell, and counts as absent. Lines
 * after a key do not count for it. File, names and values are byte strings. Read once a file, not once a key: a Pod may have thousands.
 */
export function parseEnvFile(bytes: string): ParsedEnvFile {
  const values = new Map<string, string>();
  const lines = (bytes.includes('\r') ? bytes.replaceAll('\r\n', '\n').replace(/\r$/, '') : bytes).split('\n');
  if (lines.at(-1) === '') lines.pop();
  const tooLong = lines.findIndex((line) => line.length > MAX_LINE);
  if (tooLong !== -1) lines.length = tooLong;
  for (let at = 0; at < lines.length; at++) {
    const line = withoutLeadingBlanks(lines[at] ?? '');
    if (line === '' || line.startsWith('#')) continue;
    const assignment = readAssignment(line);
    if ('problem' in assignment) return { values, error: invalid(`at line ${at + 1}: ${assignment.problem}`) };
    const { name, quoted } = assignment;
    const value = quoted === null ? { text: '', lastLine: at } : readQuoted(quoted, lines, at);
    if ('problem' in value) return { values, error: invalid(value.problem) };
    if (!values.has(name)) values.set(name, value.text);
    at = value.lastLine;
  }
  return tooLong === -1 ? { values } : { values, error: `line ${tooLong + 1} is too long` };
}

/** What the file says about `key`; an empty value counts as absent. An error counts only where the key was not found before it. */
export function envFileValue({ values, error }: ParsedEnvFile, key: string): EnvFileValue {
  const value = values.get(key);
  if (value) return { value };
  return value === undefined && error !== undefined ? { error } : { absent: true };
}

function withoutLeadingBlanks(line: string): string {
  return isBlank(line[0]) ? line.replace(/^[ \t]+/, '') : line;
}

function isBlank(char: string | undefined): boolean {
  return char === ' ' || char === '\t';
}

/** `quoted` is what follows the opening quote; null when a blank follows the equals sign. */
function readAssignment(line: string): { name: string; quoted: string | null } | { problem: string } {
  const equals = line.indexOf('=');
  if (equals === -1) return { problem: "missing '='" };
  const name = line.slice(0, equals);
  if (withoutLeadingBlanks(name) === '') return { problem: 'empty variable name' };
  if (isBlank(name.at(-1))) return { problem: "whitespace before '=' is not allowed" };
  const rest = line.slice(equals + 1);
  if (isBlank(rest[0])) return { name, quoted: null };
  if (!rest.startsWith("'")) return { problem: 'value must be enclosed in single quotes' };
  return { name, quoted: rest.slice(1) };
}

function readQuoted(
  first: string,
  lines: readonly string[],
  at: number,
): { text: string; lastLine: number } | { problem: string } {
  let rest = first;
  for (let line = at; ; rest = lines[++line] ?? '') {
    const close = rest.indexOf("'");
    if (close !== -1) {
      const after = withoutLeadingBlanks(rest.slice(close + 1));
      if (after !== '' && !after.startsWith('#')) {
        return { problem: `at line ${line + 1}: unexpected content after closing quote` };
      }
      if (line === at) return { text: rest.slice(0, close), lastLine: line };
      return { text: [first, ...lines.slice(at + 1, line), rest.slice(0, close)].join('\n'), lastLine: line };
    }
    if (line + 1 >= lines.length) return { problem: `starting at line ${at + 1}: unclosed single quote` };
  }
}

function invalid(what: string): string {
  return `invalid environment variable format ${what}`;
}
