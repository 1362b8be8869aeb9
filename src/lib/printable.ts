// C0 and C1 controls (ESC among them) steer a terminal; the others reorder what is read. Newline and tab are left.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * `text` without anything that a terminal would obey: control characters and marks of writing direction become `\uXXXX`, which
 * means the same inside a JSON text. Newlines and tabs stay.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same in one line: what others chose cannot look like a line of ours. */
export function printableLine(text: string): string {
  return printable(text).replaceAll('\n', '\\n');
}
