/** Longest line that the Go kubelet's scanner takes, in bytes, without the newline. */
const MAX_LINE = 64 * 1024 - 1;

/** What an environment file says about one key: its value, nothing, or that the file is not of the form. */
export type EnvFileValue = { readonly value: string } | { readonly absent: true } | { readonly error: string };

/**
 * Looks up `key` in a file of lines `NAME='value'` (KEP-3721). Only single quotes, taken literally, also over several lines;
 * comments and blank lines are skipped. A blank after `=` means an empty value, as in a shell, and counts as absent. Lines
 * after the key are not checked. File, key and value are byte strings.
 */
export function envFileValue(bytes: string, key: string): EnvFileValue {
  const lines = bytes.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  if (lines.at(-1) === '') lines.pop();
  const tooLong = lines.findIndex((line) => line.length > MAX_LINE);
  if (tooLong !== -1) lines.length = tooLong;
  for (let at = 0; at < lines.length; at++) {
    const line = (lines[at] ?? '').replace(/^[ \t]+/, '');
    if (line === '' || line.startsWith('#')) continue;
    const assignment = readAssignment(line);
    if ('problem' in assignment) return invalid(`at line ${at + 1}: ${assignment.problem}`);
    const { name, quoted } = assignment;
    if (quoted === null) {
      if (name === key) return { absent: true };
      continue;
    }
    const value = readQuoted(quoted, lines, at);
    if ('problem' in value) return invalid(value.problem);
    if (name === key) return value.text === '' ? { absent: true } : { value: value.text };
    at = value.lastLine;
  }
  return tooLong === -1 ? { absent: true } : { error: `line ${tooLong + 1} is too long` };
}

/** `quoted` is what follows the opening quote; null when a blank follows the equals sign. */
function readAssignment(line: string): { name: string; quoted: string | null } | { problem: string } {
  const equals = line.indexOf('=');
  if (equals === -1) return { problem: "missing '='" };
  const name = line.slice(0, equals);
  if (/^[ \t]*$/.test(name)) return { problem: 'empty variable name' };
  if (/[ \t]$/.test(name)) return { problem: "whitespace before '=' is not allowed" };
  const rest = line.slice(equals + 1);
  if (/^[ \t]/.test(rest)) return { name, quoted: null };
  if (!rest.startsWith("'")) return { problem: 'value must be enclosed in single quotes' };
  return { name, quoted: rest.slice(1) };
}

function readQuoted(
  first: string,
  lines: readonly string[],
  at: number,
): { text: string; lastLine: number } | { problem: string } {
  let text = '';
  let rest = first;
  for (let line = at; ; rest = lines[++line] ?? '') {
    const close = rest.indexOf("'");
    if (close !== -1) {
      const after = rest.slice(close + 1).replace(/^[ \t]+/, '');
      if (after !== '' && !after.startsWith('#')) {
        return { problem: `at line ${line + 1}: unexpected content after closing quote` };
      }
      return { text: text + rest.slice(0, close), lastLine: line };
    }
    text += `${rest}\n`;
    if (line + 1 >= lines.length) return { problem: `starting at line ${at + 1}: unclosed single quote` };
  }
}

function invalid(what: string): EnvFileValue {
  return { error: `invalid environment variable format ${what}` };
}
