// Bounds of what plug-ins choose. A plug-in is somebody else's program: what it sends must not cost memory or time without end.
import { bounded } from '../lib/bounded.ts';
import type { PluginInfo } from './handler.ts';

/** Most sockets that are looked after; further ones are named as a problem and left alone. */
export const MAX_SOCKETS = 2048;
/** Most directories below plugins_registry that are watched, itself included; each takes one of the user's inotify watches. */
export const MAX_DIRECTORIES = 512;
/** Most names that are read of one directory. */
export const MAX_NAMES = 8192;
/** Most sentences that are kept about what cannot be watched. */
export const MAX_PROBLEMS = 64;
/** Longest answer of GetInfo, in bytes. */
export const MAX_INFO_BYTES = 64 * 1024;
/** Longest text of an error that is told to a plug-in or kept, in bytes. */
const MAX_ERROR_BYTES = 2048;

/** In bytes. A DNS subdomain, a slash and a name is the longest name of a resource; an endpoint is a path. */
const LIMITS = { type: 64, name: 253 + 1 + 63, endpoint: 4096 } as const;
const MAX_VERSIONS = 64;
const MAX_VERSION_BYTES = 128;

/** What is too long or too much of what a plug-in said of itself, as a sentence. */
export function excessOf(plugin: PluginInfo): string | undefined {
  for (const [field, limit] of Object.entries(LIMITS)) {
    const bytes = Buffer.byteLength(plugin[field as keyof typeof LIMITS]);
    if (bytes > limit) return `its ${field} is ${bytes} bytes long; at most ${limit} are taken`;
  }
  if (plugin.name === '') return 'it has no name';
  if (plugin.versions.length > MAX_VERSIONS)
    return `it supports ${plugin.versions.length} versions; at most ${MAX_VERSIONS} are taken`;
  const long = plugin.versions.find((version) => Buffer.byteLength(version) > MAX_VERSION_BYTES);
  if (long !== undefined)
    return `the name of a version is ${Buffer.byteLength(long)} bytes long; at most ${MAX_VERSION_BYTES} are taken`;
  return undefined;
}

/** An error's text, cut in the middle if it is longer than is kept. */
export function cutError(text: string): string {
  return bounded(text, MAX_ERROR_BYTES);
}
