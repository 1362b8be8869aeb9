// The claims of the benchmark's Pods: there and bound before a Pod is created, so that only the node's part is measured.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../../src/api/client.ts';
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec } from '../../src/types/k8s.ts';
import type { Shape } from './pods.ts';

/** The StorageClass whose volumes the benchmark's CSI driver makes. */
export const csiClass = 'bench-csi';
/** A directory of the node with what the other kinds of volumes are made of. */
export const volumesDirectory = '/var/lib/kubelet/bench-volumes';

const namespace = 'default';
const size = { storage: '1Mi' };
const accessModes = ['ReadWriteOnce'];

type Kind = 'csi' | 'local' | 'hostPath';
const kindsOf: Readonly<Record<Shape, readonly Kind[]>> = {
  plain: [],
  volumes: [],
  claim: ['csi'],
  claims: ['csi', 'local', 'hostPath'],
  fifty: Array.from({ length: 50 }, () => 'csi' as const),
};

/** True for shapes that need the CSI driver. */
export function needsDriver(shape: Shape): boolean {
  return kindsOf[shape].length > 0;
}

/** The names of a Pod's claims, in the order of its volumes. */
export function claimNames(shape: Shape, pod: string): string[] {
  return kindsOf[shape].map((kind, i) => `${pod}-${i}-${kind.toLowerCase()}`);
}

function claimOf(kind: Kind, name: string): PersistentVolumeClaim {
  const where = kind === 'csi' ? { storageClassName: csiClass } : { storageClassName: '', volumeName: name };
  return { metadata: { name, namespace }, spec: { accessModes, resources: { requests: size }, ...where } };
}

/** The volume that an administrator makes for a claim; none for a driver's, which its provisioner makes. */
function volumeOf(kind: Kind, name: string, node: string): PersistentVolume | undefined {
  if (kind === 'csi') return undefined;
  const affinity = { key: 'kubernetes.io/hostname', operator: 'In', values: [node] };
  const source: Partial<PersistentVolumeSpec> =
    kind === 'local'
      ? {
          local: { path: volumesDirectory },
          nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [affinity] }] } },
        }
      : { hostPath: { path: volumesDirectory } };
  const claimRef = { namespace, name };
  return { metadata: { name }, spec: { capacity: size, accessModes, claimRef, ...source } };
}

/** Makes a Pod's claims and waits until they are bound. */
export async function makeClaims(client: ApiClient, shape: Shape, pod: string, node: string): Promise<void> {
  const names = claimNames(shape, pod);
  for (const [i, kind] of kindsOf[shape].entries()) {
    const volume = volumeOf(kind, names[i]!, node);
    if (volume) await client.create('PersistentVolume', volume);
    await client.create('PersistentVolumeClaim', claimOf(kind, names[i]!), { namespace });
  }
  for (const name of names) {
    for (const end = performance.now() + 180_000; ; await sleep(100)) {
      const { status } = await client.get('PersistentVolumeClaim', { namespace, name });
      if (status?.phase === 'Bound') break;
      if (performance.now() > end) throw new Error(`the claim ${name} was not bound within 180 s`);
    }
  }
}

/** Deletes them, and the volumes that nobody else deletes. */
export async function removeClaims(client: ApiClient, shape: Shape, pod: string): Promise<void> {
  for (const [i, name] of claimNames(shape, pod).entries()) {
    await client.delete('PersistentVolumeClaim', { namespace, name });
    if (kindsOf[shape][i] !== 'csi') await client.delete('PersistentVolume', { name });
  }
}
