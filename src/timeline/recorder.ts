import { bounded } from '../lib/bounded.ts';
import { type At, Ring, type TimelineEntry } from './entries.ts';
import type { Reason } from './reasons.ts';
import { Sharer } from './share.ts';

/** One decision with everything it was made from: enough to make it again (`replay`). */
export interface TraceRecord {
  readonly now: At;
  readonly facts: unknown;
  readonly memory: unknown;
  readonly decision: unknown;
}

export interface RecordedPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** What is kept of one Pod. Lifetime: as long as its worker, then until newer finished Pods push it out. */
export interface PodRecord extends RecordedPod {
  readonly entries: Ring<TimelineEntry>;
  readonly trace: Ring<TraceRecord>;
  reasons: readonly Reason[];
  /** What the Pod has of the node for itself, as people read it: `main: vendor.example/gpu gpu-0`. */
  holds: readonly string[];
  phase: string;
  ended: boolean;
}

/** Gets every decision, also those that the memory leaves out because they changed nothing. */
export interface TraceSink {
  write(uid: string, record: TraceRecord): void;
  /** The Pod is over: nothing more of it comes, unless it begins a new life. */
  close(uid: string): void;
}

/** Hears of everything that the timelines hold, when it happens. Must not throw. */
export interface TimelineFollower {
  entry(pod: RecordedPod, entry: TimelineEntry): void;
  /** Every decision, also one that changed nothing; its `phase` and `reasons` are no entries here. */
  decided(pod: RecordedPod, at: At, phase: string, reasons: readonly Reason[]): void;
  /** The Pod is over: nothing more of it comes, unless it begins a new life. */
  closed(uid: string): void;
}

/** How much the recorder keeps. What Pods, images and the runtime say is in it, so that numbers of items bound nothing. */
export interface RecorderBudgets {
  readonly entries: number;
  readonly traces: number;
  readonly finishedPods: number;
  readonly podEntryBytes: number;
  readonly podTraceBytes: number;
  /** All Pods together; the oldest traces go first, those of finished Pods before all others. */
  readonly nodeBytes: number;
}

const mib = 1024 * 1024;
export const RECORDER_BUDGETS: RecorderBudgets = {
  entries: 400,
  traces: 120,
  finishedPods: 50,
  podEntryBytes: mib / 2,
  podTraceBytes: 4 * mib,
  nodeBytes: 64 * mib,
};

/**
 * The recorder of all Pods. Recording is cheap: values are shared, with those of the decision before too, and turned into text only when
 * asked for.
 */
export class Recorder {
  readonly #pods = new Map<string, PodRecord>();
  readonly #sink: TraceSink | undefined;
  readonly #budgets: RecorderBudgets;
  readonly #sharer = new Sharer();
  readonly #follower: TimelineFollower | undefined;

  constructor(sink?: TraceSink, budgets: RecorderBudgets = RECORDER_BUDGETS, follower?: TimelineFollower) {
    this.#sink = sink;
    this.#budgets = budgets;
    this.#follower = follower;
  }

  /** The Pod's record, made when it is not there yet. A record that had ended begins a new life. */
  open(id: RecordedPod): PodRecord {
    const known = this.#pods.get(id.uid);
    if (known) {
      known.ended = false;
      return known;
    }
    const { entries, traces, podEntryBytes, podTraceBytes } = this.#budgets;
    const fresh: PodRecord = {
      ...id,
      entries: new Ring(entries, podEntryBytes),
      trace: new Ring(traces, podTraceBytes),
      reasons: [],
      holds: [],
      phase: '',
      ended: false,
    };
    this.#pods.set(id.uid, fresh);
    return fresh;
  }

  /** Adds to a Pod's timeline; texts are cut at 4 KiB. */
  record(uid: string, entry: TimelineEntry): void {
    const pod = this.#pods.get(uid);
    if (pod) {
      this.#push(pod, entry);
      this.#followerOf(pod)?.entry(pod, entry);
    }
    this.#shrink();
  }

  /** Takes one decision. `quiet`: it started nothing and changed no reason, so only the sink gets it. */
  decision(uid: string, record: TraceRecord, phase: string, reasons: readonly Reason[], quiet: boolean): void {
    this.#sink?.write(uid, record);
    const pod = this.#pods.get(uid);
    if (!pod) return;
    if (phase !== pod.phase) this.#push(pod, { kind: 'phase', at: record.now, phase });
    const changed = codes(reasons) !== codes(pod.reasons);
    if (changed) this.#push(pod, { kind: 'reasons', at: record.now, reasons });
    pod.phase = phase;
    pod.reasons = reasons;
    if (!quiet || changed) this.#trace(pod, record);
    this.#followerOf(pod)?.decided(pod, record.now, phase, reasons);
    this.#shrink();
  }

  /** Why the Pod stands still although nothing was decided: a defect of ours. */
  stands(uid: string, at: At, reasons: readonly Reason[]): void {
    const pod = this.#pods.get(uid);
    if (!pod) return;
    if (codes(reasons) !== codes(pod.reasons)) this.#push(pod, { kind: 'reasons', at, reasons });
    pod.reasons = reasons;
    this.#followerOf(pod)?.decided(pod, at, pod.phase, reasons);
    this.#shrink();
  }

  /** What the Pod has of the node for itself by now; for `why`, no entry of the timeline. */
  holds(uid: string, holds: readonly string[]): void {
    const pod = this.#pods.get(uid);
    if (pod) pod.holds = holds;
  }

  /** The Pod is over; its record stays for a while. */
  close(uid: string): void {
    this.#sink?.close(uid);
    this.#follower?.closed(uid);
    const pod = this.#pods.get(uid);
    if (!pod) return;
    pod.ended = true;
    pod.holds = [];
    pod.reasons = pod.reasons.slice(0, 20);
    this.#pods.delete(uid);
    this.#pods.set(uid, pod);
    const ended = [...this.#pods.values()].filter((p) => p.ended);
    const over = Math.max(0, ended.length - this.#budgets.finishedPods);
    for (const old of ended.slice(0, over)) this.#pods.delete(old.uid);
  }

  /** By namespace and name: the living Pod of that name, else the one that ended last. */
  find(namespace: string, name: string): PodRecord | undefined {
    const named = [...this.#pods.values()].filter((p) => p.namespace === namespace && p.name === name);
    return named.findLast((p) => !p.ended) ?? named.at(-1);
  }

  all(): PodRecord[] {
    return [...this.#pods.values()];
  }

  /** Bytes of memory that timelines and traces take; an estimate that errs upwards where Pods have parts in common. */
  get bytes(): { readonly timeline: number; readonly trace: number } {
    const pods = this.all();
    return {
      timeline: pods.reduce((sum, pod) => sum + pod.entries.bytes, 0),
      trace: pods.reduce((sum, pod) => sum + pod.trace.bytes, 0),
    };
  }

  /** What was under way when the Pod ended is recorded when it ends; a follower that has let go of the Pod hears no more of it. */
  #followerOf(pod: PodRecord): TimelineFollower | undefined {
    return pod.ended ? undefined : this.#follower;
  }

  #push(pod: PodRecord, entry: TimelineEntry): void {
    const { value, full } = this.#sharer.share(undefined, cut(entry));
    pod.entries.push(value, { added: full, full });
  }

  #trace(pod: PodRecord, record: TraceRecord): void {
    const last = pod.trace.items.at(-1);
    // What the rules remembered then is what they begin with now.
    const memory = (last?.decision as { readonly memory?: unknown } | undefined)?.memory;
    const shared = this.#sharer.share(last && { ...last, memory }, record);
    pod.trace.push(shared.value, shared);
  }

  #shrink(): void {
    for (;;) {
      const { timeline, trace } = this.bytes;
      if (timeline + trace <= this.#budgets.nodeBytes) return;
      const oldest =
        this.#oldest((pod) => pod.trace.items[0]?.now.mono) ?? this.#oldest((pod) => pod.entries.items[0]?.at.mono);
      if (!oldest) return;
      (oldest.trace.items.length > 0 ? oldest.trace : oldest.entries).dropOldest();
    }
  }

  /** The Pod whose first item is the oldest, among the finished ones if any of them has one. */
  #oldest(first: (pod: PodRecord) => number | undefined): PodRecord | undefined {
    let found: { pod: PodRecord; at: number } | undefined;
    for (const pod of this.#pods.values()) {
      const at = first(pod);
      if (at === undefined) continue;
      if (!found || (pod.ended && !found.pod.ended) || (pod.ended === found.pod.ended && at < found.at))
        found = { pod, at };
    }
    return found?.pod;
  }
}

/** The texts of an entry within their bound. */
function cut(entry: TimelineEntry): TimelineEntry {
  const fields = Object.entries(entry).map(([key, value]) => [key, typeof value === 'string' ? bounded(value) : value]);
  return Object.fromEntries(fields) as TimelineEntry;
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
