import { readdirSync, readlinkSync } from 'node:fs';

/** Paths of what this process has open at `path` and below; what others open and close in it meanwhile is not counted. */
export function openBelow(path: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target === path || target.startsWith(`${path}/`) ? [target] : [];
    } catch {
      return []; // it was the one that lists, or is closed by now
    }
  });
}
