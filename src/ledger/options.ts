import type { StoredPod } from '../types/k8s.ts';
import type { DevicePlaces, NodeView, OwnResources, ResizeSettings } from './types.ts';

/** What the ledger is made of, and whom it asks. */
export interface LedgerOptions {
  readonly node: NodeView;
  /**
   * Reads the node from the API server, for fresher labels. Called when node affinity is all that keeps a Pod out; undefined
   * or a rejection leaves the answer as it is.
   */
  readonly refreshNode?: () => Promise<NodeView | undefined>;
  /** CPUs and memory that containers have of their own; without it they have none. */
  readonly own?: OwnResources;
  /** Start closed: until `open()`, only Pods with running containers are served. */
  readonly closed?: boolean;
  /** Without it no Pod is given devices. */
  readonly devices?: DevicePlaces;
  /** What forbids resizes; nothing unless given. */
  readonly resizes?: ResizeSettings;
  /** Hears why a resize was found to be infeasible. */
  readonly onInfeasible?: (detail: string) => void;
  /**
   * Pods that may run, so that they cannot be refused, and have not asked for their place yet. They are counted as if they had: who would
   * not fit beside them waits for them to ask, and nobody is given more before they have, or the node could hold more than there is.
   */
  readonly unasked?: () => readonly StoredPod[];
}
