import type { PodSpec } from '../../types/k8s.ts';
import { cleanPath } from './payloadPath.ts';

/**
 * Directories that must exist inside a volume because a container mounts another volume below this one's mount path; the payload is
 * read-only there, so the runtime could not create them. Relative paths; only the outermost of nested ones.
 */
export function nestedMountpoints(volume: string, spec: PodSpec): string[] {
  const containers = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
  const found = new Set<string>();
  for (const { volumeMounts = [] } of containers) {
    const all = volumeMounts.map((mount) => cleanMountPath(mount.mountPath)).sort();
    for (const mount of volumeMounts) {
      if (mount.name !== volume) continue;
      for (const path of outermostBelow(`${cleanMountPath(mount.mountPath)}/`, all)) found.add(path);
    }
  }
  return [...found];
}

function outermostBelow(prefix: string, paths: readonly string[]): string[] {
  const outer: string[] = [];
  for (const path of paths) {
    if (!path.startsWith(prefix) || path === prefix) continue;
    if (!outer.some((seen) => path === seen || path.startsWith(`${seen}/`))) outer.push(path);
  }
  return outer.map((path) => path.slice(prefix.length));
}

/** The mount path without doubled slashes; `..` cannot stay in it (they are refused by the API) and would not be followed anyway. */
function cleanMountPath(path: string): string {
  const parts = cleanPath(path).split('/');
  return `/${parts.filter((part) => part !== '..' && part !== '.').join('/')}`;
}
