import { newestFirst } from '../cri/convert.ts';
import type { ContainerState, ObservedContainer, ObservedPod, ObservedSandbox } from '../cri/observed.ts';

/** What a call's own result says about the runtime, without another read. */
export interface Sighting {
  readonly sandbox?: ObservedSandbox;
  readonly container?: ObservedContainer;
  readonly removedSandbox?: string;
  readonly removedContainer?: string;
}

/** Newest first, as reads return them. */
function insert<T extends { id: string; attempt: number; createdAt: number }>(
  list: readonly T[],
  item: T,
  older: (a: T, b: T) => boolean,
): T[] {
  const at = list.findIndex((x) => x.id === item.id);
  if (at < 0) return [...list, item].sort(newestFirst);
  return older(item, list[at]!) ? [...list] : list.map((x, i) => (i === at ? item : x));
}

/** How far the life of a container has come. `unknown` is no stage: it says nothing. */
const stage: Readonly<Record<ContainerState, number>> = { unknown: 0, created: 1, running: 2, exited: 3 };

function apply(pod: ObservedPod, s: Sighting): ObservedPod {
  let { sandboxes, containers } = pod;
  if (s.sandbox) sandboxes = insert(sandboxes, s.sandbox, (a, b) => a.ready && !b.ready);
  if (s.container) containers = insert(containers, s.container, (a, b) => stage[a.state] < stage[b.state]);
  if (s.removedSandbox) sandboxes = sandboxes.filter((x) => x.id !== s.removedSandbox);
  if (s.removedContainer) containers = containers.filter((x) => x.id !== s.removedContainer);
  return { ...pod, sandboxes, containers };
}

/** Two reads under way at once may be answered in either order: what one saw further on its way stays there. */
function forward(known: ObservedPod, read: ObservedPod): ObservedPod {
  const containers = read.containers.map((c) => {
    const before = known.containers.find((k) => k.id === c.id);
    return before && c.state !== 'unknown' && stage[before.state] > stage[c.state] ? before : c;
  });
  const sandboxes = read.sandboxes.map((s) => {
    const before = known.sandboxes.find((k) => k.id === s.id);
    return before && !before.ready && s.ready ? before : s;
  });
  return { ...read, containers, sandboxes };
}

/**
 * The newest truth about one Pod in the runtime. A read replaces what was known, but a result that came after the read was
 * sent is newer than the read, even if the read's answer arrives later: it is put on top again. The runtime may
 * have answered the read later still; as containers only go forward and sandboxes never become ready again, the later of two
 * states of one of them is the true one.
 */
export class Observation {
  #pod: ObservedPod | null = null;
  #later: { readonly seq: number; readonly sighting: Sighting }[] = [];

  get pod(): ObservedPod | null {
    return this.#pod;
  }

  /** Takes a read. An answer older than the present one is dropped; returns whether it was taken. */
  read(pod: ObservedPod): boolean {
    if (this.#pod && pod.seq < this.#pod.seq) return false;
    this.#later = this.#later.filter((l) => l.seq >= pod.seq);
    const merged = this.#later.reduce((p, l) => apply(p, l.sighting), pod);
    this.#pod = this.#pod ? forward(this.#pod, merged) : merged;
    return true;
  }

  /** Takes a call's own result. `seq`: number of the read sent last before it was known; that read may not show it yet. */
  sight(seq: number, sighting: Sighting): void {
    this.#later.push({ seq, sighting });
    if (this.#pod) this.#pod = apply(this.#pod, sighting);
  }
}
