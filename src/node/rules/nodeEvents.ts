import type { NodeEvent } from '../../events/event.ts';

/** The process has started; the first Event about the node in each run. */
export const STARTING: NodeEvent = { type: 'Normal', reason: 'Starting', message: 'Starting kubelet.' };
