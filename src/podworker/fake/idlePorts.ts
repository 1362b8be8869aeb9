import { node } from '../rules/testing.ts';
import type { WorkerPorts } from '../workerPorts.ts';

/** What surrounds a worker where nothing ends, nothing is read, and nobody listens; a test replaces what it is about. */
export const idlePorts: Omit<WorkerPorts, 'clock' | 'done'> = {
  effect: () => new Promise(() => {}),
  observe: () => new Promise(() => {}),
  invalidate: () => {},
  lastSeq: () => 0,
  nodeFacts: () => node,
  gatePositions: () => ({}),
  recursiveReadOnly: () => false,
  publish: () => {},
  event: () => {},
  decided: () => {},
  actionEnded: () => {},
  defect: (_pod, error) => {
    throw error;
  },
};
