// Text in the exact form of Go's standard library, for messages and annotations that other programs compare or parse.
import { errorMessage } from '../lib/errors.ts';

const NAMED: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};
const ERRNO: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EDQUOT: 'disk quota exceeded',
  EIO: 'input/output error',
  EISDIR: 'is a directory',
  ELOOP: 'too many levels of symbolic links',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'file name too long',
  ENFILE: 'too many open files in system',
  ENOSPC: 'no space left on device',
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  EROFS: 'read-only file system',
};
const TO_ESCAPE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]|["\\]/gu;
const PLAIN = /^[ !#-[\]-~]*$/;

/** `text` as Go's `%q` and strconv.Quote print it: in double quotes, everything that is not printable escaped. */
export function goQuote(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  const escaped = text
    .toWellFormed()
    .replace(TO_ESCAPE, (char) => NAMED[char] ?? escapeCodePoint(char.codePointAt(0) ?? 0));
  return `"${escaped}"`;
}

function escapeCodePoint(code: number): string {
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}

/**
 * `value` as Go's encoding/json marshals it: like JSON.stringify, but `<`, `>`, `&` and the two Unicode line separators are
 * escaped and lone surrogates become U+FFFD. The order of keys is the caller's: struct order, or sorted for a Go map.
 */
export function goJson(value: unknown): string {
  const replaceLoneSurrogates = (_key: string, v: unknown) => (typeof v === 'string' ? v.toWellFormed() : v);
  return JSON.stringify(value, replaceLoneSurrogates).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A system error of Node's `fs` as Go's PathError prints it: `open /x: no such file or directory`. Others keep their own words. */
export function goSystemError(call: string, error: unknown, path?: string): string {
  const { code = '', path: own } = error as NodeJS.ErrnoException;
  const text = Object.hasOwn(ERRNO, code) ? ERRNO[code] : undefined;
  return text === undefined ? errorMessage(error) : `${call} ${path ?? own ?? ''}: ${text}`;
}

/** Go's `len` of a string: its length in UTF-8 bytes. */
export function byteLength(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}
