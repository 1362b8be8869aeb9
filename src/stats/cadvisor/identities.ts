import type { ServedPod } from '../../pods/served.ts';
import type { CgroupReader } from './cgroupReader.ts';
import type { CgroupIdentity } from './reading.ts';

/** Which cgroups are the kubelet's. Paths are below the mount points. */
export interface CgroupPlaces {
  /** The parent of all Pods, and the QoS classes' below it. */
  readonly nodes: readonly string[];
  /** Those of the runtime, the kubelet and the rest of the system, as configured. */
  readonly system: readonly string[];
  podPath(served: ServedPod): string | undefined;
}

const nobody = { name: '', image: '', container: '', pod: '', namespace: '' };

/** The machine, the cgroups above the Pods and the configured ones of the system. */
export function nodeIdentities(places: CgroupPlaces): CgroupIdentity[] {
  const paths = [...new Set(['/', ...places.nodes, ...places.system])];
  return paths.map((path) => ({ ...nobody, path, ...(path === '/' ? { network: true } : {}) }));
}

/** A Pod's cgroup and those of its containers and sandbox, as far as they are there. */
export function podIdentities(served: ServedPod, places: CgroupPlaces, reader: CgroupReader): CgroupIdentity[] {
  const path = places.podPath(served);
  if (path === undefined) return [];
  const own = { ...nobody, pod: served.name, namespace: served.namespace };
  const found: CgroupIdentity[] = [{ ...own, path }];
  const { containers = [], sandboxes = [] } = served.observed ?? {};
  for (const child of reader.children(path)) {
    const place = { path: `${path}/${child}`, processes: true };
    const container = containers.find((c) => isOf(child, c.id));
    const sandbox = container ? undefined : sandboxes.find((s) => isOf(child, s.id));
    if (container) {
      const { id, name, image, startedAt } = container;
      found.push({ ...own, ...place, name: id, image, container: name, ...began(startedAt || container.createdAt) });
    } else if (sandbox) {
      found.push({ ...own, ...place, name: sandbox.id, ...began(sandbox.createdAt), network: !sandbox.hostNetwork });
    }
  }
  return found;
}

/** `ID` with cgroupfs, `RUNTIME-ID.scope` with systemd; CRI-O's monitors are not the containers. */
function isOf(directory: string, id: string): boolean {
  const bare = directory.replace(/\.scope$/, '');
  return (bare === id || bare.endsWith(`-${id}`)) && !directory.includes('conmon');
}

const began = (ms: number) => (ms > 0 ? { startedMs: ms } : {});
