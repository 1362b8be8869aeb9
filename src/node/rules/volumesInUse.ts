import type { MountEntry } from '../../lib/linux/mountInfo.ts';

/** Directories of plug-ins below `pods/UID/volumes` whose volumes no controller ever attaches. */
const LOCAL = ['empty-dir', 'configmap', 'secret', 'downward-api', 'projected', 'host-path'].map(
  (one) => `kubernetes.io/${one}`,
);

/** The volumes that somebody of this program looks after. */
export interface OwnedVolumes {
  /** Names for volumesInUse; undefined while it is not known what an earlier kubelet left. */
  readonly inUse: readonly string[] | undefined;
  /** Plug-ins whose mounts are counted in `inUse`, as `kubernetes.io/csi`. */
  readonly plugins: ReadonlySet<string>;
}

/**
 * status.volumesInUse: what is owned here, and everything that the API has (`shown`) while something is mounted that a kubelet before
 * this one may have had attached and that nobody here looks after. Undefined (what the API says stays) while that is not known. Said too
 * early, the attach-detach controller detaches a volume with a file system on it. `rootDir` without symbolic links.
 */
export function volumesInUse(
  { inUse, plugins }: OwnedVolumes,
  shown: readonly string[],
  mounts: readonly MountEntry[],
  rootDir: string,
): readonly string[] | undefined {
  if (inUse === undefined) return undefined;
  const known = new Set([...LOCAL, ...plugins]);
  const isForeign = mounts.some(({ mountPoint }) => mayBeAttached(mountPoint, rootDir, known));
  return isForeign ? [...new Set([...shown, ...inUse])].sort() : inUse;
}

function mayBeAttached(mountPoint: string, rootDir: string, known: ReadonlySet<string>): boolean {
  if (!mountPoint.startsWith(`${rootDir}/`)) return false;
  const [first, ...rest] = mountPoint.slice(rootDir.length + 1).split('/');
  // Where plug-ins mount a volume once for all Pods, before it is bound into each: `kubernetes.io/csi/…` and `kubernetes.io~csi/…`.
  if (first === 'plugins')
    return rest.length > 0 && !known.has(nameOf(rest[0]!)) && !known.has(`${rest[0]}/${rest[1]}`);
  const [, kind, plugin = ''] = rest;
  return first === 'pods' && (kind === 'volumeDevices' || kind === 'volumes') && !known.has(nameOf(plugin));
}

function nameOf(directory: string): string {
  return directory.replaceAll('~', '/');
}
