import type { Pod, PodStatus } from '../types/k8s.ts';
import type { StatusLane } from './lanes.ts';

/** The API object whose status is written: the Pod, or a static Pod's mirror. */
export interface PodRef {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What the publisher knows of one Pod. */
export interface StatusRecord {
  readonly uid: string;
  ref: PodRef;
  /** The last state of the API object that was seen, in an answer or through the watch. */
  pod?: Pod;
  wanted?: PodStatus;
  lane: StatusLane;
  /** Monotonic time of the first change that is not in the API server yet. */
  since?: number;
  sending?: AbortController;
  timer?: Disposable;
  /** The timer is the pause before a repair, not before another try of what failed: news does not wait for it. */
  pausing?: true;
  /** Failed attempts in a row. */
  attempt: number;
  /** The last body that was accepted. */
  acceptedBody?: string;
  /** What the last repair was for and when it was (monotonic), and how many there were of it in a row: each waits longer. */
  repaired?: { readonly wanted: PodStatus; readonly at: number; readonly count: number };
  gone: boolean;
}

/** A fresh record. */
export function recordFor(uid: string, ref: PodRef): StatusRecord {
  return { uid, ref, lane: 'normal', attempt: 0, gone: false };
}

/** The reference to an API object. */
export function refOf({ metadata }: Pod): PodRef {
  return { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '', uid: metadata?.uid ?? '' };
}

/** Whether `pod` was overtaken by `known`. Versions are comparable numbers since Kubernetes 1.35 (KEP-5504); others count as news. */
export function isOlder(pod: Pod, known: Pod | undefined): boolean {
  const a = version(pod);
  const b = known && version(known);
  return a !== undefined && b !== undefined && a < b;
}

function version({ metadata }: Pod): bigint | undefined {
  const text = metadata?.resourceVersion ?? '';
  return /^\d+$/.test(text) ? BigInt(text) : undefined;
}
