import type { ObservedContainer, ObservedPod, ObservedSandbox } from '../cri/observed.ts';

/** What a call's own result says about the runtime, without another read. */
export interface Sighting {
  readonly sandbox?: ObservedSandbox;
  readonly container?: ObservedContainer;
  readonly removedSandbox?: string;
  readonly removedContainer?: string;
}

/** Newest first, as reads return them. */
function insert<T extends { id: string; createdAt: number }>(list: readonly T[], item: T): T[] {
  const at = list.findIndex((x) => x.id === item.id);
  if (at >= 0) return list.map((x, i) => (i === at ? item : x));
  return [...list, item].sort((a, b) => b.createdAt - a.createdAt);
}

function apply(pod: ObservedPod, s: Sighting): ObservedPod {
  let { sandboxes, containers } = pod;
  if (s.sandbox) sandboxes = insert(sandboxes, s.sandbox);
  if (s.container) containers = insert(containers, s.container);
  if (s.removedSandbox) sandboxes = sandboxes.filter((x) => x.id !== s.removedSandbox);
  if (s.removedContainer) containers = containers.filter((x) => x.id !== s.removedContainer);
  return { ...pod, sandboxes, containers };
}

/**
 * The newest truth about one Pod in the runtime. A read replaces what was known, but a result that came after the read was
 * sent is newer than the read, even if the read's answer arrives later: it is put on top again (design rule 4).
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
    this.#pod = this.#later.reduce((p, l) => apply(p, l.sighting), pod);
    return true;
  }

  /** Takes a call's own result. `seq`: number of the read sent last before it was known; that read may not show it yet. */
  sight(seq: number, sighting: Sighting): void {
    this.#later.push({ seq, sighting });
    if (this.#pod) this.#pod = apply(this.#pod, sighting);
  }
}
