import { dirname } from 'node:path';

/**
 * A path as the kernel has it. File names are bytes: a Pod may choose any but `/` and NUL, and what is no UTF-8 does not survive being
 * made a string. Names of ours may be strings; names that were read from a directory a Pod can write to are Buffers, from
 * `directoryEntries` to the system call.
 */
export type PathBytes = string | Buffer;

/** Longest path in a sentence, in characters: a Pod chooses names, and they come into logs and Events. */
const MAX_SHOWN = 300;

/** The path of an entry of a directory. */
export function childPath(directory: PathBytes, name: Buffer): Buffer {
  return Buffer.concat([bytesOf(directory), Buffer.from('/'), name]);
}

/** As path.dirname. */
export function parentPath(path: PathBytes): PathBytes {
  // In Latin-1 every byte is one character, there and back.
  return typeof path === 'string' ? dirname(path) : Buffer.from(dirname(path.toString('latin1')), 'latin1');
}

/** The same path as a Buffer. */
export function bytesOf(path: PathBytes): Buffer {
  return typeof path === 'string' ? Buffer.from(path) : path;
}

/** Whether `path` is `base` or lies below it, by their spelling. */
export function isAtOrBelow(path: Buffer, base: PathBytes): boolean {
  const start = bytesOf(base);
  if (!path.subarray(0, start.length).equals(start)) return false;
  return path.length === start.length || path[start.length] === SLASH || start.at(-1) === SLASH;
}

/** The path as a piece of a sentence: on one line, what is not printable or no UTF-8 as `\xNN`, the middle of a long one left out. */
export function shownPath(path: PathBytes): string {
  const text = typeof path === 'string' ? path : decoded(path);
  const safe = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => [...Buffer.from(char)].map(escaped).join(''));
  if (safe.length <= MAX_SHOWN) return safe;
  return `${safe.slice(0, MAX_SHOWN / 2)}…${safe.slice(-MAX_SHOWN / 2)}`;
}

const SLASH = 0x2f;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decoded(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes.toString('latin1').replace(/[\x80-\xff]/g, (char) => escaped(char.charCodeAt(0)));
  }
}

const escaped = (byte: number): string => `\\x${byte.toString(16).padStart(2, '0')}`;
