import type { NodeEvent } from '../types.ts';

/** The process has started; the first Event about the node in each run. */
export const STARTING: NodeEvent = { type: 'Normal', reason: 'Starting', message: 'Starting kubelet.' };
