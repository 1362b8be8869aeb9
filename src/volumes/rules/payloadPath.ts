import { byteLength } from '../../k8s/goText.ts';
import { type FileProjection, type Payload, PayloadError } from './payload.ts';

const MAX_NAME = 255;
const MAX_PATH = 4096;

/**
 * The payload with cleaned paths, or an error for the first path that could leave the volume or collide with the writer's own names
 * (which start with `..`). One file's path must not be another's directory.
 */
export function checkedPayload(payload: Payload): Payload {
  const clean = new Map<string, FileProjection>();
  for (const [path, file] of payload) {
    checkPath(path);
    clean.set(cleanPath(path), file);
  }
  for (const path of clean.keys()) {
    for (let cut = path.indexOf('/'); cut !== -1; cut = path.indexOf('/', cut + 1)) {
      if (!clean.has(path.slice(0, cut))) continue;
      // Keys of several objects may collide, and objects change.
      throw invalid(`${path.slice(0, cut)} is a file and the directory of ${path}`);
    }
  }
  return clean;
}

/** Go's filepath.Clean for a relative path without `..`. */
export function cleanPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return parts.length === 0 ? '.' : parts.join('/');
}

/** Whether any element is `..`; backsteps are refused wherever a Pod names a path. */
export function hasBackstep(path: string): boolean {
  return path.split('/').includes('..');
}

function checkPath(path: string): void {
  if (path === '') throw invalid('must not be empty: ""');
  if (path.startsWith('/')) throw invalid(`must be relative path: ${path}`);
  if (byteLength(path) > MAX_PATH) throw invalid(`must be less than or equal to ${MAX_PATH} characters`);
  if (hasBackstep(path)) throw invalid(`must not contain '..': ${path}`);
  if (path.split('/').some((name) => byteLength(name) > MAX_NAME)) {
    throw invalid(`filenames must be less than or equal to ${MAX_NAME} characters`);
  }
  // Checked on the cleaned path too: `./..data` would otherwise replace the writer's own link.
  if (path.startsWith('..') || cleanPath(path).startsWith('..')) throw invalid(`must not start with '..': ${path}`);
  if (path.includes('\0')) throw invalid('must not contain a NUL byte');
  if (cleanPath(path) === '.') throw invalid(`must name a file: ${path}`);
}

function invalid(problem: string): PayloadError {
  return new PayloadError(`invalid path: ${problem}`);
}
