import { CriError } from '../cri/error.ts';
import type { StatusResponseOut } from '../cri/generated/runtime.ts';
import type { Clock } from '../lib/clock.ts';
import { Listeners } from '../lib/disposables.ts';
import { errorMessage } from '../lib/errors.ts';
import {
  NO_ANSWER_YET,
  RUNTIME_DOWN_MS,
  type RuntimeMemory,
  runtimeFact,
  withAnswer,
  withFailure,
} from './rules/runtimeFact.ts';
import type { RuntimeFact } from './types.ts';

/** The call that is polled; `Cri` satisfies it. */
export interface RuntimeStatusService {
  status(verbose?: boolean, options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<StatusResponseOut>;
}

/** The period of an allowed poll: CRI has no event for this. */
const PERIOD_MS = 5_000;
/** Until the node was ready for the first time it asks more often, so that a fresh node is not kept waiting; at most 2 min. */
const START_PERIOD_MS = 250;
const START_MS = 120_000;
/** A stopped runtime must not keep the next question from being asked. */
const TIMEOUT_MS = 10_000;

/** Asks the runtime how it is and tells everybody when the answer changes: workers that wait for the network, the node's status. */
export class RuntimeStatus implements Disposable {
  readonly #service: RuntimeStatusService;
  readonly #clock: Clock;
  readonly #listeners = new Listeners<[fact: RuntimeFact]>();
  readonly #stop = new AbortController();
  readonly #startedAt: number;
  #memory: RuntimeMemory = NO_ANSWER_YET;
  #fact: RuntimeFact;
  #timer: Disposable | undefined;
  #downTimer: Disposable | undefined;
  #asking: Promise<void> | undefined;
  #wasReady = false;

  constructor(service: RuntimeStatusService, clock: Clock) {
    this.#service = service;
    this.#clock = clock;
    this.#startedAt = clock.now().mono;
    this.#fact = runtimeFact(this.#memory, this.#startedAt);
  }

  /** What is known now. */
  get fact(): RuntimeFact {
    return this.#fact;
  }

  /** Tells each change. */
  onChange(listener: (fact: RuntimeFact) => void): Disposable {
    return this.#listeners.add(listener);
  }

  /** Starts asking. */
  start(): void {
    void this.#poll();
  }

  /** Asks now and resolves when the answer is in the fact; joins a question that is under way. Never rejects. */
  refresh(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#timer?.[Symbol.dispose]();
    this.#downTimer?.[Symbol.dispose]();
  }

  async #poll(): Promise<void> {
    await this.refresh();
    if (this.#stop.signal.aborted) return;
    const starting = !this.#wasReady && this.#clock.now().mono - this.#startedAt < START_MS;
    this.#timer = this.#clock.setTimer(starting ? START_PERIOD_MS : PERIOD_MS, () => void this.#poll());
  }

  async #ask(): Promise<void> {
    const { signal } = this.#stop;
    try {
      const answer = await this.#service.status(false, { signal, timeoutMs: TIMEOUT_MS });
      this.#memory = withAnswer(this.#memory, answer, this.#clock.now().mono);
    } catch (error) {
      this.#memory = withFailure(this.#memory, steadyText(error));
    }
    if (!signal.aborted) this.#publish();
  }

  #publish(): void {
    const now = this.#clock.now().mono;
    const next = runtimeFact(this.#memory, now);
    this.#wasReady ||= next.runtimeReady && next.networkReady;
    this.#watchForDown(now);
    if (JSON.stringify(next) === JSON.stringify(this.#fact)) return;
    this.#fact = Object.freeze(next);
    this.#listeners.emit(next);
  }

  /** "Down" comes true by time alone, also while a question hangs. */
  #watchForDown(now: number): void {
    this.#downTimer?.[Symbol.dispose]();
    const { goodAt } = this.#memory;
    if (goodAt === undefined || now - goodAt >= RUNTIME_DOWN_MS) return;
    this.#downTimer = this.#clock.setTimer(goodAt + RUNTIME_DOWN_MS - now, () => this.#publish());
  }
}

/**
 * The error without what differs from one attempt to the next (grpc-js adds times): it becomes part of the Ready condition, and
 * a new text there is a PATCH.
 */
function steadyText(error: unknown): string {
  if (error instanceof CriError && error.grpcCodeName === 'DeadlineExceeded') {
    return `it did not answer within ${TIMEOUT_MS / 1000} s`;
  }
  return errorMessage(error)
    .replace(/ ?\(\d{4}-\d\d-\d\dT[\d:.]+Z\)/g, '')
    .trim();
}
