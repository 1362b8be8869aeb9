// volume_manager_selinux_*: how volumes stand with SELinux labels, and how they would if all were mounted with one.
import { atMost, type Metrics } from '../k8s/metrics/metrics.ts';
import type { LabelFault, VolumeLabel } from './rules/seLinuxLabel.ts';

/** Plug-ins and drivers that are told by name: PersistentVolumes may name any number. */
const MAX_PLUGINS = 256;

/** A use of a volume: its access mode, and whether it is mounted with a label. */
export type LabelledUse = Pick<VolumeLabel, 'accessMode' | 'isMountedSo'>;

/** What is counted. `plugin` with the driver, as `kubernetes.io/csi/example.com`. */
export interface SeLinuxCounts {
  /** A Pod's containers want a volume under several labels, or under what is none. */
  fault(use: LabelledUse, kind: LabelFault): void;
  /** The first Pod that has a volume wants it under one label. */
  admitted(use: LabelledUse, plugin: string): void;
  /** A further Pod wants it under another. */
  mismatch(use: LabelledUse, plugin: string): void;
}

/** What is a fault of a volume that is mounted with a label is a warning for others. */
export function seLinuxCounts(metrics: Metrics): SeLinuxCounts {
  const faults = {
    malformed: [
      metrics.gauge('volume_manager_selinux_container_warnings_total'),
      metrics.gauge('volume_manager_selinux_container_errors_total'),
    ],
    several: [
      metrics.gauge('volume_manager_selinux_pod_context_mismatch_warnings_total'),
      metrics.gauge('volume_manager_selinux_pod_context_mismatch_errors_total'),
    ],
  } as const;
  const admitted = metrics.gauge('volume_manager_selinux_volumes_admitted_total');
  const mismatches = [
    metrics.gauge('volume_manager_selinux_volume_context_mismatch_warnings_total'),
    metrics.gauge('volume_manager_selinux_volume_context_mismatch_errors_total'),
  ] as const;
  const isTold = atMost(MAX_PLUGINS);
  return {
    fault: ({ accessMode, isMountedSo }, kind) => faults[kind][isMountedSo ? 1 : 0].inc({ access_mode: accessMode }),
    admitted: ({ accessMode }, plugin) => {
      if (isTold(plugin)) admitted.inc({ volume_plugin: plugin, access_mode: accessMode });
    },
    mismatch: ({ accessMode, isMountedSo }, plugin) => {
      if (isTold(plugin)) mismatches[isMountedSo ? 1 : 0].inc({ volume_plugin: plugin, access_mode: accessMode });
    },
  };
}
