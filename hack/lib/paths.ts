import { homedir } from 'node:os';
import path from 'node:path';

/** The checkout. */
export const repoRoot = path.resolve(import.meta.dirname, '../..');

/** Built tools and images; survives `down`. KUBELET_TS_CACHE moves it. */
export function cacheDir(): string {
  return (
    process.env.KUBELET_TS_CACHE ??
    path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'kubelet-ts')
  );
}
