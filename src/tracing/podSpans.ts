import { errorMessage, isAbort } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { At, TimelineEntry } from '../timeline/entries.ts';
import type { Reason } from '../timeline/reasons.ts';
import type { RecordedPod, TimelineFollower } from '../timeline/recorder.ts';
import { PodTrace, type TraceStage } from './podTrace.ts';
import { waitsIn } from './rules/waits.ts';
import type { Attributes, TraceSpan, Tracing } from './spans.ts';

/** As much as is needed of an action of the Pod worker. */
interface TracedAction {
  readonly kind: string;
  readonly slot: string;
  readonly container?: string;
  readonly volume?: string;
  readonly image?: string;
  readonly attempt?: number;
}

/** As much as is needed of what an action works with. */
interface TracedContext {
  readonly facts: { readonly uid: string };
  readonly pod: { readonly metadata?: { readonly generation?: number } };
}

/** One pass over the Pod: what Go calls a sync. It lasts as long as the last action that it started. */
interface Sync {
  readonly span: TraceSpan;
  open: number;
}

interface FollowedPod {
  readonly attributes: Attributes;
  heardAt: number;
  phase: string;
  /** Nothing held it back once. */
  up: boolean;
  trace: PodTrace | undefined;
  decidedAt: number;
  sync: Sync | undefined;
  generation: number | undefined;
}

const SYNC_NAMES: Readonly<Record<string, string>> = {
  Terminating: 'syncTerminatingPod',
  Cleaning: 'syncTerminatedPod',
  Finished: 'syncTerminatedPod',
};

/**
 * One trace for each Pod's start, stop, and restart or other wait in between, made from its timeline: every wait that `why` would name is a
 * span in it, and so is each sync (with Go's names and attributes) with its actions, and the way of its status to the API server. A defect in
 * here costs spans and nothing else.
 */
export class PodSpans implements TimelineFollower {
  readonly #tracing: Tracing;
  readonly #log: Logger;
  readonly #pods = new Map<string, FollowedPod>();

  constructor(tracing: Tracing, log: Logger) {
    this.#tracing = tracing;
    this.#log = log;
  }

  entry(id: RecordedPod, entry: TimelineEntry): void {
    this.#safely(() => {
      const pod = this.#podOf(id, entry.at.wall);
      if (entry.kind === 'heard') pod.heardAt = entry.at.wall;
      if (entry.kind !== 'event') return;
      pod.trace?.root.event(entry.reason, { message: entry.message }, entry.at.wall);
    });
  }

  decided(id: RecordedPod, at: At, phase: string, reasons: readonly Reason[]): void {
    this.#safely(() => {
      const pod = this.#podOf(id, at.wall);
      const waits = waitsIn(reasons);
      pod.phase = phase;
      pod.sync = undefined;
      pod.decidedAt = at.wall;
      this.#turnTo(pod, waits.length > 0, at.wall);
      pod.trace?.setWaits(waits, at);
      // A status that this decision changes is handed over right after this.
      if (pod.trace && waits.length === 0) queueMicrotask(() => this.#safely(() => this.#endIfOver(pod, at.wall)));
    });
  }

  closed(uid: string): void {
    this.#safely(() => {
      const pod = this.#pods.get(uid);
      pod?.trace?.end(pod.decidedAt);
      this.#pods.delete(uid);
    });
  }

  /** The same effect; each action is a span of its Pod's sync, and so is whatever it calls. */
  effect<A extends TracedAction, C extends TracedContext, O>(
    effect: (action: A, context: C) => Promise<O>,
  ): (action: A, context: C) => Promise<O> {
    return async (action, context) => {
      const pod = this.#pods.get(context.facts.uid);
      const begun = pod && this.#safely(() => this.#begin(pod, action, context));
      if (!begun) return effect(action, context);
      try {
        const outcome = await this.#tracing.within(begun.span, () => effect(action, context));
        begun.end();
        return outcome;
      } catch (error) {
        begun.end(error);
        throw error;
      }
    };
  }

  /** The Pod's status is on its way to the API server from now on. */
  statusWanted(uid: string): void {
    this.#safely(() => {
      const trace = this.#pods.get(uid)?.trace;
      if (trace) trace.status ??= this.#tracing.start('StatusWrite', { parent: trace.root });
    });
  }

  /** Makes the call that writes it. */
  writeStatus<T>(uid: string, work: () => Promise<T>): Promise<T> {
    const span = this.#pods.get(uid)?.trace?.status;
    return span ? this.#tracing.within(span, work) : work();
  }

  /** The API server has the newest status. */
  statusWritten(uid: string, at: number): void {
    this.#safely(() => {
      const pod = this.#pods.get(uid);
      if (!pod?.trace?.status) return;
      pod.trace.status.end(at);
      pod.trace.status = undefined;
      this.#endIfOver(pod, at);
    });
  }

  #podOf({ uid, namespace, name }: RecordedPod, at: number): FollowedPod {
    const known = this.#pods.get(uid);
    if (known) return known;
    const attributes = {
      'k8s.pod.uid': uid,
      'k8s.pod': `${namespace}/${name}`,
      'k8s.pod.name': name,
      'k8s.namespace.name': namespace,
    };
    const fresh = { attributes, heardAt: at, phase: '', up: false, decidedAt: at };
    const pod: FollowedPod = { ...fresh, trace: undefined, sync: undefined, generation: undefined };
    this.#pods.set(uid, pod);
    return pod;
  }

  /** Ends and begins traces as the Pod goes from one stage to the next. */
  #turnTo(pod: FollowedPod, waits: boolean, at: number): void {
    const stage: TraceStage = pod.phase in SYNC_NAMES ? 'stop' : pod.up ? 'change' : 'start';
    const former = pod.trace;
    if (former && former.stage === stage && !former.full(at)) return;
    former?.end(at, former.stage === stage);
    pod.trace = undefined;
    if (!waits && stage !== 'start') return;
    const began = stage === 'start' && !former ? pod.heardAt : at;
    pod.trace = new PodTrace(this.#tracing, stage, pod.attributes, began, former?.root);
  }

  #endIfOver(pod: FollowedPod, at: number): void {
    const { trace } = pod;
    if (!trace || trace.waiting || trace.status) return;
    trace.end(at);
    pod.trace = undefined;
    pod.up = true;
  }

  #begin(pod: FollowedPod, action: TracedAction, context: TracedContext) {
    pod.sync ??= this.#openSync(pod, context.pod.metadata?.generation);
    const { sync } = pod;
    pod.trace?.action(action.kind);
    sync.open++;
    const span = this.#tracing.start(action.kind, { parent: sync.span, attributes: actionAttributes(action) });
    return {
      span,
      end: (error?: unknown) =>
        this.#safely(() => {
          if (error !== undefined && isAbort(error)) span.set({ 'kubelet.aborted': true });
          else if (error !== undefined) for (const failed of [span, sync.span]) failed.fail(errorMessage(error));
          span.end();
          if (--sync.open === 0) sync.span.end();
        }),
    };
  }

  #openSync(pod: FollowedPod, generation: number | undefined): Sync {
    const name = SYNC_NAMES[pod.phase] ?? 'syncPod';
    const type = pod.generation === undefined ? 'create' : pod.generation === generation ? 'sync' : 'update';
    pod.generation = generation ?? 0;
    const attributes = name === 'syncPod' ? { ...pod.attributes, 'k8s.pod.update_type': type } : pod.attributes;
    const parent = pod.trace?.root ?? null;
    return { span: this.#tracing.start(name, { parent, attributes, at: pod.decidedAt }), open: 0 };
  }

  #safely<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#log.error('a Pod could not be traced', { error: errorMessage(error) });
      return undefined;
    }
  }
}

function actionAttributes({ slot, container, volume, image, attempt }: TracedAction): Attributes {
  return {
    'kubelet.slot': slot,
    ...(container === undefined ? {} : { 'k8s.container.name': container }),
    ...(volume === undefined ? {} : { 'k8s.volume.name': volume }),
    ...(image === undefined ? {} : { 'container.image.name': image }),
    ...(attempt === undefined ? {} : { 'kubelet.attempt': attempt }),
  };
}
