import type { Spec } from './lists.ts';

/** Whether these specs need the snapshot API: their CSI driver takes snapshots, or has a sidecar that does not start without it. */
export function needSnapshots(specs: readonly Spec[]): boolean {
  return specs.some(
    ({ file, name }) =>
      name.includes('[Driver: csi-hostpath]') || (file.includes('/storage/csimock/') && /napshot/.test(name)),
  );
}
