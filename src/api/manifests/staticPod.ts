import { createHash } from 'node:crypto';
import type { Mutable, Pod, Toleration } from '../../types/k8s.ts';

/** Annotations that the kubelet puts on Pods. */
export const CONFIG_SOURCE = 'kubernetes.io/config.source';
export const CONFIG_HASH = 'kubernetes.io/config.hash';
export const CONFIG_SEEN = 'kubernetes.io/config.seen';
export const CONFIG_MIRROR = 'kubernetes.io/config.mirror';

/** Where a static Pod comes from. */
export interface Origin {
  readonly source: 'file' | 'http';
  /** Path of the file, or the URL. */
  readonly location: string;
  readonly nodeName: string;
}

/**
 * UID of a static Pod without one: a hash of what its author wrote (not of defaults, so that an upgrade restarts nothing), where it
 * stands and, for files, the node. 32 hex digits like the Go kubelet's, but not its value (docs/differences.md).
 */
export function staticPodUid(written: unknown, { source, location, nodeName }: Origin): string {
  const where = source === 'file' ? `host:${nodeName}\0file:${location}` : `url:${location}`;
  return createHash('sha256')
    .update(`${canonical(written)}\0${where}`)
    .digest('hex')
    .slice(0, 32);
}

/** JSON with sorted keys: the order in a file means nothing. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${pairs.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
}

/** Makes a named, defaulted Pod a static Pod of this node, in place: name, namespace, UID, annotations, toleration, phase. */
export function makeStatic(pod: Mutable<Pod>, uid: string, origin: Origin): void {
  pod.apiVersion = 'v1';
  pod.kind = 'Pod';
  pod.metadata ??= {};
  const meta = pod.metadata;
  meta.name = `${meta.name}-${origin.nodeName.toLowerCase()}`;
  meta.namespace ||= 'default';
  meta.uid = uid;
  meta.annotations = { ...meta.annotations, [CONFIG_HASH]: uid, [CONFIG_SOURCE]: origin.source };
  pod.spec!.nodeName = origin.nodeName;
  if (origin.source === 'file') tolerateNoExecute(pod.spec!);
  pod.status = { phase: 'Pending' };
}

/** Node problems must not evict a Pod that only its node can bring back. */
function tolerateNoExecute(spec: { tolerations?: Mutable<Toleration>[] }): void {
  const always: Mutable<Toleration> = { operator: 'Exists', effect: 'NoExecute' };
  const same = (t: Toleration) => !t.key && !t.value && t.operator === always.operator && t.effect === always.effect;
  const tolerations = spec.tolerations ?? [];
  // One with a time limit gives way to the one without.
  spec.tolerations = tolerations.some(same) ? tolerations.map((t) => (same(t) ? always : t)) : [...tolerations, always];
}
