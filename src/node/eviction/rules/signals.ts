import type { QuantityFormat } from '../../../k8s/quantity.ts';
import type { PressureCondition } from '../../../pods/nodePressure.ts';

/** What runs short, in the words of messages and Events. */
export type StarvedResource = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';

/** What a signal is about. */
export interface SignalMeaning {
  readonly resource: StarvedResource;
  readonly condition: PressureCondition;
  /** How its amounts are written. */
  readonly format: QuantityFormat;
}

const memory = { resource: 'memory', condition: 'MemoryPressure', format: 'BinarySI' } as const;
const bytes = { resource: 'ephemeral-storage', condition: 'DiskPressure', format: 'BinarySI' } as const;
const inodes = { resource: 'inodes', condition: 'DiskPressure', format: 'DecimalSI' } as const;

/**
 * Every signal of eviction, the one that is acted on first in front: memory before all else, as kubelet does; the order of the others
 * is ours. https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
 */
export const signals = {
  'memory.available': memory,
  'allocatableMemory.available': memory,
  'nodefs.available': bytes,
  'nodefs.inodesFree': inodes,
  'imagefs.available': bytes,
  'imagefs.inodesFree': inodes,
  'containerfs.available': bytes,
  'containerfs.inodesFree': inodes,
  'pid.available': { resource: 'pids', condition: 'PIDPressure', format: 'DecimalSI' },
} as const satisfies Readonly<Record<string, SignalMeaning>>;

export type Signal = keyof typeof signals;
export const ALL_SIGNALS = Object.keys(signals) as readonly Signal[];

/** How the runtime's file systems lie to the kubelet's. */
export interface DiskLayout {
  /** Images are on another device than the kubelet's root directory. */
  readonly imageFs: boolean;
  /** The writable layers of containers are on another file system than images (KEP-4191). */
  readonly containerFs: boolean;
}
