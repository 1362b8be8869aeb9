import type { MountEntry } from '../../lib/linux/mountInfo.ts';

/** Directories of plug-ins below `pods/UID/volumes` whose volumes no controller ever attaches. */
const LOCAL = new Set(
  ['empty-dir', 'configmap', 'secret', 'downward-api', 'projected', 'host-path'].map((one) => `kubernetes.io~${one}`),
);

/**
 * status.volumesInUse as far as a node can know it that attaches nothing itself: empty once nothing is mounted that a kubelet before
 * it may have had attached, undefined (what the API says stays) while something is. Said too early, the attach-detach controller
 * detaches a volume with a file system on it. `rootDir` without symbolic links.
 */
export function volumesInUse(mounts: readonly MountEntry[], rootDir: string): readonly string[] | undefined {
  return mounts.some(({ mountPoint }) => mayBeAttached(mountPoint, rootDir)) ? undefined : [];
}

function mayBeAttached(mountPoint: string, rootDir: string): boolean {
  if (!mountPoint.startsWith(`${rootDir}/`)) return false;
  const [first, ...rest] = mountPoint.slice(rootDir.length + 1).split('/');
  // Where plug-ins mount a volume once for all Pods, before it is bound into each.
  if (first === 'plugins') return rest.length > 0;
  const [, kind, plugin] = rest;
  return first === 'pods' && (kind === 'volumeDevices' || (kind === 'volumes' && !LOCAL.has(plugin ?? '')));
}
