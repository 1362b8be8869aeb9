import type { At } from '../timeline/entries.ts';
import type { Reason } from '../timeline/reasons.ts';
import { waitAttributes, waitKey } from './rules/waits.ts';
import type { Attributes, TraceSpan, Tracing } from './spans.ts';

/** `change`: of a Pod that was up; a restart, a resize, or that it was not ready for a while. */
export type TraceStage = 'start' | 'change' | 'stop';

/** A Pod can wait for as much as it has containers and volumes, and for years: waits and actions in one trace, and for how long it goes on (ms). */
const MAX_SPANS = 500;
const MAX_OPEN_WAITS = 64;
const MAX_AGE_MS = 3_600_000;

const STARTS: ReadonlySet<string> = new Set(['createSandbox', 'createContainer', 'startContainer']);
const RESIZES: ReadonlySet<string> = new Set(['allocate', 'resizePod']);

/** One trace of a Pod: its start, its stop, or what happened to it in between. Everything in it is part of `root`. */
export class PodTrace {
  readonly stage: TraceStage;
  readonly root: TraceSpan;
  readonly #tracing: Tracing;
  readonly #began: number;
  readonly #waits = new Map<string, { readonly span: TraceSpan; reason: Reason }>();
  #spans = 0;
  #left = 0;
  #started = false;
  #resized = false;
  /** The status that is on its way to the API server. */
  status: TraceSpan | undefined;

  constructor(tracing: Tracing, stage: TraceStage, attributes: Attributes, at: number, link?: TraceSpan) {
    this.#tracing = tracing;
    this.stage = stage;
    this.#began = at;
    const name = { start: 'Pod start', change: 'Pod restart', stop: 'Pod stop' }[stage];
    this.root = tracing.start(name, { parent: null, attributes, at, ...(link && { link }) });
  }

  /** Something still holds the Pod back. */
  get waiting(): boolean {
    return this.#waits.size > 0 || this.#left > 0;
  }

  /** It holds or lasts as much as one trace should: what goes on is another one. */
  full(at: number): boolean {
    return this.#spans >= MAX_SPANS || at - this.#began > MAX_AGE_MS;
  }

  /** The Pod waits for these and nothing else. A wait that began before this was known says so itself (`since`). */
  setWaits(reasons: readonly Reason[], at: At): void {
    if (!this.root.recording) {
      this.#left = reasons.length;
      return;
    }
    const now = new Map(reasons.map((reason) => [waitKey(reason), reason] as const));
    for (const [key, wait] of this.#waits) {
      if (now.has(key)) continue;
      this.#endWait(wait, at.wall);
      this.#waits.delete(key);
    }
    this.#left = 0;
    for (const [key, reason] of now) {
      const wait = this.#waits.get(key);
      if (wait) wait.reason = reason;
      else if (this.#waits.size < MAX_OPEN_WAITS) this.#waits.set(key, { span: this.#openWait(reason, at), reason });
      else this.#left++;
    }
  }

  /** An action begins; its span is made by the caller. */
  action(kind: string): void {
    this.#spans++;
    this.#started ||= STARTS.has(kind);
    this.#resized ||= RESIZES.has(kind);
  }

  /** `continues`: another trace goes on where this one ends. */
  end(at: number, continues = false): void {
    for (const wait of this.#waits.values()) this.#endWait(wait, at);
    this.#waits.clear();
    this.status?.end(at);
    this.root.rename(this.#name());
    if (continues) this.root.set({ 'kubelet.continues': true });
    this.root.end(at);
  }

  #name(): string {
    switch (this.stage) {
      case 'start':
        return this.#started ? 'Pod start' : 'Pod found';
      case 'stop':
        return 'Pod stop';
      case 'change':
        if (this.#started) return 'Pod restart';
        return this.#resized ? 'Pod resize' : 'Pod not ready';
    }
  }

  #openWait(reason: Reason, { wall, mono }: At): TraceSpan {
    this.#spans++;
    const since = 'since' in reason && reason.since !== undefined ? wall - Math.max(0, mono - reason.since) : wall;
    return this.#tracing.start(reason.code, { parent: this.root, at: Math.max(since, this.#began) });
  }

  #endWait({ span, reason }: { readonly span: TraceSpan; readonly reason: Reason }, at: number): void {
    if (span.recording) span.set(waitAttributes(reason));
    span.end(at);
  }
}
