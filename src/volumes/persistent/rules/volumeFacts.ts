import type { Slots } from '../../../loop/slot.ts';

/** What the worker of one volume may do. A device step concerns all users, the others one Pod. */
export type VolumeAction =
  | {
      readonly kind: 'stage';
      readonly slot: 'device';
      readonly uid: string;
      readonly ask: number;
      /** The SELinux label of the Pod that it is staged for. */
      readonly label: string;
    }
  | { readonly kind: 'unstage'; readonly slot: 'device' }
  | {
      readonly kind: 'publish';
      readonly slot: string;
      readonly uid: string;
      readonly round: number;
      readonly ask: number;
    }
  | { readonly kind: 'unpublish'; readonly slot: string; readonly uid: string }
  | {
      readonly kind: 'expand';
      readonly slot: string;
      readonly uid: string;
      readonly size: string;
      readonly ask: number;
    };

/** What one Pod wants of the volume. */
export interface Want {
  /** Counts what anybody asked of the volume: a step that failed is tried again only for somebody who asked after it began. */
  readonly ask: number;
  /** Counts up when what it wants published has changed, or wants to be looked at again. */
  readonly round: number;
  /** The SELinux label that it is to be mounted with; '': none. */
  readonly label: string;
  /** The size that the volume has and its claim was not told of; absent: nothing to expand. */
  readonly size?: string;
}

/** What one Pod has of it. `unsure`: perhaps, as after a restart or a step that failed in the middle. */
export interface Share {
  readonly state: 'yes' | 'unsure';
  readonly round: number;
  readonly expandedTo?: string;
}

/** Everything that is known of one volume that outlasts Pods. */
export interface VolumeFacts {
  readonly attachable: boolean;
  /** The API server has accepted a Node status that names it in volumesInUse. */
  readonly reportedInUse: boolean;
  /** It is in the Node's volumesAttached. */
  readonly attached: boolean;
  /** The kind has a device step. */
  readonly stages: boolean;
  readonly staged: 'yes' | 'no' | 'unsure';
  /** The SELinux label that it is staged with, if it is. */
  readonly stagedLabel: string;
  /** By Pod UID. */
  readonly wants: Readonly<Record<string, Want>>;
  readonly shares: Readonly<Record<string, Share>>;
  /** Pods that are to have it no more. */
  readonly leaving: readonly string[];
  /** Every source has reported, so who is not here will not come. */
  readonly settled: boolean;
  readonly slots: Slots<VolumeAction>;
}

/** What is to happen next, and what each Pod waits for. */
export interface VolumeDecision {
  readonly memory: null;
  readonly start: readonly VolumeAction[];
  readonly abort: readonly string[];
  readonly wakeAt: number | null;
  /** Nothing is left of it on the node. */
  readonly done: boolean;
  /** By Pod UID: what it still waits for, as a sentence part. */
  readonly waits: Readonly<Record<string, string>>;
}

/** The slot of the steps for one Pod. */
export const shareSlot = (uid: string): string => `pod/${uid}`;
