// What the ledger keeps of Pods that ask, wait or have a place, and how these compare. Pure.
import { isCriticalPod } from '../k8s/criticalPod.ts';
import type { StoredPod } from '../types/k8s.ts';
import { hostPortsOf } from './rules/hostPorts.ts';
import { measure } from './rules/measure.ts';
import type { Holder } from './rules/place.ts';
import { toStrings } from './rules/room.ts';
import type { Allocation, Amounts, LedgerEntry, ReserveContext, Verdict } from './types.ts';

/** A Pod that asks for a place. */
export interface Request extends ReserveContext {
  readonly pod: StoredPod;
  readonly sequence: number;
  readonly resolve: (verdict: Verdict) => void;
  readonly reject: (error: Error) => void;
}

/** A Pod that waits for others to end. */
export interface Waiter {
  readonly holder: Holder;
  readonly sequence: number;
  victims: readonly Holder[];
  /** The resource that it lacked when they were chosen; absent when it only waits for those of others. */
  readonly lacking: string | undefined;
}

/** The larger of both amounts of each resource. */
export function larger(a: Amounts, b: Amounts): Amounts {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  const most = (x = 0n, y = 0n) => (x > y ? x : y);
  return Object.fromEntries([...names].map((name) => [name, most(a[name], b[name])]));
}

/** Who is served first of two that ask. */
export function comesBefore(a: Request, b: Request): boolean {
  if (a.hasRunningContainers !== b.hasRunningContainers) return a.hasRunningContainers;
  return a.createdAt !== b.createdAt ? a.createdAt < b.createdAt : a.sequence < b.sequence;
}

/** A critical newcomer passes those who wait and are not critical. */
export function isAheadOf(pod: StoredPod): (waiter: Waiter) => boolean {
  return ({ holder }) => !isCriticalPod(pod) || isCriticalPod(holder.pod);
}

/** The Pod as it is counted. */
export function toHolder(pod: StoredPod): Holder {
  return { pod, ...measure(pod), hostPorts: hostPortsOf(pod) };
}

/** Its UID. */
export function uidOf(holder: LedgerEntry): string {
  return holder.pod.metadata.uid;
}

/** The Pod as one that must go. */
export function toVictim({ pod: { metadata } }: Holder) {
  return { uid: metadata.uid, namespace: metadata.namespace, name: metadata.name };
}

/** Whether both are the same Pods. */
export function sameVictims(a: readonly Holder[], b: readonly Holder[]): boolean {
  const known = new Set(b.map(uidOf));
  return a.length === b.length && a.every((holder) => known.has(uidOf(holder)));
}

/** What is told of it. */
export function allocationOf({ requests, hostPorts }: LedgerEntry): Allocation {
  return { requests: toStrings(requests), hostPorts };
}
