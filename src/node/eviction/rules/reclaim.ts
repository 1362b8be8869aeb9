import { type DiskLayout, type Signal, signals } from './signals.ts';
import type { Threshold } from './thresholds.ts';

/** What can be removed from the node before any Pod has to go. */
export type Reclaimable = 'containers' | 'images';

/** What frees something of a signal's resource, in order. */
export function reclaimableFor(signal: Signal, { imageFs, containerFs }: DiskLayout): readonly Reclaimable[] {
  if (signals[signal].condition !== 'DiskPressure') return [];
  if (!imageFs) return ['containers', 'images'];
  const isImages = signal.startsWith('imagefs.');
  if (containerFs) return isImages ? ['images'] : ['containers'];
  return signal.startsWith('nodefs.') ? [] : ['containers', 'images'];
}

/** How long removed things may take to free their space before a Pod goes for it, ms. Runtimes remove layers behind their answer. */
export function patienceMs({ graceMs }: Pick<Threshold, 'graceMs'>): number {
  return graceMs === 0 ? 10_000 : 30_000;
}
