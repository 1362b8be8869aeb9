import { type At, type Entry, Ring } from './entries.ts';
import type { Reason } from './reasons.ts';

/** One decision with everything it was made from: enough to make it again (`replay`). */
export interface TraceRecord {
  readonly now: At;
  readonly facts: unknown;
  readonly memory: unknown;
  readonly decision: unknown;
}

export interface PodIdentity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** What is kept of one Pod. Lifetime: as long as its worker, then until newer finished Pods push it out. */
export interface PodRecord extends PodIdentity {
  readonly entries: Ring<Entry>;
  readonly trace: Ring<TraceRecord>;
  reasons: readonly Reason[];
  phase: string;
  ended: boolean;
}

const keptEntries = 400;
const keptTrace = 120;
const keptFinished = 50;

/** The recorder of all Pods. Recording is cheap: values are shared, not copied, and turned into text only when asked for. */
export class Recorder {
  readonly #pods = new Map<string, PodRecord>();
  readonly #sink: ((uid: string, record: TraceRecord) => void) | undefined;

  /** `sink` gets every decision, also those that the memory leaves out because they changed nothing. */
  constructor(sink?: (uid: string, record: TraceRecord) => void) {
    this.#sink = sink;
  }

  /** The Pod's record, made when it is not there yet. A record that had ended begins a new life. */
  open(id: PodIdentity): PodRecord {
    const known = this.#pods.get(id.uid);
    if (known) {
      known.ended = false;
      return known;
    }
    const fresh: PodRecord = {
      ...id,
      entries: new Ring(keptEntries),
      trace: new Ring(keptTrace),
      reasons: [],
      phase: '',
      ended: false,
    };
    this.#pods.set(id.uid, fresh);
    return fresh;
  }

  record(uid: string, entry: Entry): void {
    this.#pods.get(uid)?.entries.push(entry);
  }

  /** Takes one decision. `quiet`: it started nothing and changed no reason, so only the sink gets it. */
  decision(uid: string, record: TraceRecord, phase: string, reasons: readonly Reason[], quiet: boolean): void {
    this.#sink?.(uid, record);
    const pod = this.#pods.get(uid);
    if (!pod) return;
    if (phase !== pod.phase) pod.entries.push({ kind: 'phase', at: record.now, phase });
    const changed = codes(reasons) !== codes(pod.reasons);
    if (changed) pod.entries.push({ kind: 'reasons', at: record.now, reasons });
    pod.phase = phase;
    pod.reasons = reasons;
    if (!quiet || changed) pod.trace.push(record);
  }

  /** The Pod is over; its record stays for a while. */
  close(uid: string): void {
    const pod = this.#pods.get(uid);
    if (!pod) return;
    pod.ended = true;
    this.#pods.delete(uid);
    this.#pods.set(uid, pod);
    const ended = [...this.#pods.values()].filter((p) => p.ended);
    for (const old of ended.slice(0, Math.max(0, ended.length - keptFinished))) this.#pods.delete(old.uid);
  }

  /** By namespace and name: the living Pod of that name, else the one that ended last. */
  find(namespace: string, name: string): PodRecord | undefined {
    const named = [...this.#pods.values()].filter((p) => p.namespace === namespace && p.name === name);
    return named.findLast((p) => !p.ended) ?? named.at(-1);
  }

  all(): PodRecord[] {
    return [...this.#pods.values()];
  }
}

/** Reasons without their numbers: progress alone is not a new reason. */
function codes(reasons: readonly Reason[]): string {
  return reasons
    .map(
      (r) =>
        `${r.code}/${'container' in r ? r.container : ''}/${'volume' in r ? r.volume : ''}/${'object' in r ? r.object : ''}`,
    )
    .join();
}
