import { Listeners } from '../lib/disposables.ts';
import { KubeletError } from '../lib/errors.ts';
import type { AllocatedPod, StoredPod } from '../types/k8s.ts';
import { type PendingResize, resizeOrder } from './rules/resize.ts';
import type { ResizeTrigger, ResizeVerdict } from './types.ts';

interface Ask extends PendingResize {
  /** Whoever asked and has no answer yet. */
  waiting: PromiseWithResolvers<ResizeVerdict> | undefined;
  /** The last answer, while it is deferred. */
  message: string | undefined;
}

interface Rules {
  /** Nothing may be granted now. */
  isHeld(): boolean;
  /** Judges one, and enters what is granted into the book. May throw. */
  judge(pending: PendingResize): ResizeVerdict;
}

/** Resizes that were asked for and are not granted: each is looked at again, in their order, whenever there may be room for it. */
export class Resizes {
  readonly #rules: Rules;
  readonly #asks = new Map<string, Ask>();
  readonly #verdicts = new Listeners<[desired: StoredPod, verdict: ResizeVerdict, trigger: ResizeTrigger]>();
  #sequence = 0;
  /** Why it would have looked while nothing could be granted. */
  #missed: ResizeTrigger | undefined;

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  /** One question a Pod: a new one takes the place of the one before, and of its time of waiting. */
  ask(desired: StoredPod, allocated: AllocatedPod, since: number): Promise<ResizeVerdict> {
    const uid = desired.metadata.uid;
    const before = this.#asks.get(uid);
    before?.waiting?.reject(released(uid, 'Superseded'));
    const waiting = Promise.withResolvers<ResizeVerdict>();
    const sequence = before?.sequence ?? this.#sequence++;
    this.#asks.set(uid, { desired, allocated, since: before?.since ?? since, sequence, waiting, message: undefined });
    this.reconsider('pod_updated');
    return waiting.promise;
  }

  /** The Pod has gone. */
  drop(uid: string): void {
    const ask = this.#asks.get(uid);
    this.#asks.delete(uid);
    ask?.waiting?.reject(released(uid, 'Released'));
  }

  /** Makes up for what was held back. */
  answerHeld(): void {
    if (this.#missed !== undefined) this.reconsider(this.#missed);
  }

  /** Tells each answer after the first one. */
  onVerdict(listener: (desired: StoredPod, verdict: ResizeVerdict, trigger: ResizeTrigger) => void): Disposable {
    return this.#verdicts.add(listener);
  }

  /** Looks at all of them. What one is given, the next cannot have; one that does not fit holds up nobody after it. */
  reconsider(trigger: ResizeTrigger): void {
    if (this.#asks.size === 0) return;
    this.#missed = this.#rules.isHeld() ? trigger : undefined;
    if (this.#missed !== undefined) return;
    const news: (() => void)[] = [];
    for (const ask of [...this.#asks.values()].sort(resizeOrder)) {
      const tell = this.#answer(ask, trigger);
      if (tell) news.push(tell);
    }
    // Only now, because a listener may call back.
    for (const tell of news) tell();
  }

  #answer(ask: Ask, trigger: ResizeTrigger): (() => void) | undefined {
    const uid = ask.desired.metadata.uid;
    const { waiting, message } = ask;
    ask.waiting = undefined;
    let verdict: ResizeVerdict;
    try {
      verdict = this.#rules.judge(ask);
    } catch (error) {
      this.#asks.delete(uid);
      return () => waiting?.reject(error);
    }
    if (verdict.resize === 'deferred') ask.message = verdict.message;
    else this.#asks.delete(uid);
    if (waiting) return () => waiting.resolve(verdict);
    if (verdict.resize === 'deferred' && verdict.message === message) return undefined;
    return () => this.#verdicts.emit(ask.desired, verdict, trigger);
  }
}

function released(uid: string, code: 'Released' | 'Superseded'): KubeletError {
  return new KubeletError(`The resize of Pod ${uid} was given up before it was answered`, { code });
}
