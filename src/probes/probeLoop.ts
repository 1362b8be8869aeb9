import { bounded, EVENT_BYTES } from '../lib/bounded.ts';
import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Probe } from '../types/k8s.ts';
import type { AttemptContext } from './handlers/handler.ts';
import type { ProbeHandlers } from './handlers/registry.ts';
import { attempt } from './handlers/registry.ts';
import type { Attempt } from './rules/attempt.ts';
import type { AttemptResult, Gates, ProbeRun } from './rules/run.ts';
import { alreadyStarted, applyResult, isEarly, nextProbe } from './rules/run.ts';
import type { ProbeSpec } from './rules/spec.ts';

/** How often an attempt is made when the probe itself cannot be carried out (prober.maxProbeRetries). */
const MAX_TRIES = 3;

/** One finished attempt, as told to the outside. */
export interface AttemptReport {
  readonly spec: ProbeSpec;
  readonly attempt: Attempt;
  /** It came right after the start and failed: nobody needs to know. */
  readonly early: boolean;
  readonly seconds: number;
}

/** What a loop takes from its container each time anew. */
export interface LoopHost {
  readonly clock: Clock;
  readonly handlers: ProbeHandlers;
  gates(): Gates;
  context(spec: ProbeSpec, signal: AbortSignal): AttemptContext;
  /** Called after each attempt, when `run` is already the new one. */
  done(report: AttemptReport): void;
}

/** One probe of one container id: at most one timer or one attempt at a time. */
export class ProbeLoop implements Disposable {
  readonly spec: ProbeSpec;
  readonly #probe: Probe;
  readonly #host: LoopHost;
  #run: ProbeRun;
  #timer: Disposable | undefined;
  #timerAt: number | undefined;
  #attempt: AbortController | undefined;

  constructor(spec: ProbeSpec, probe: Probe, run: ProbeRun, host: LoopHost) {
    this.spec = spec;
    this.#probe = probe;
    this.#run = run;
    this.#host = host;
  }

  get run(): ProbeRun {
    return this.#run;
  }

  /** For a startup probe: the container is known to have started already. `arm` comes next. */
  skip(): void {
    this.#run = alreadyStarted(this.#run);
  }

  /** Sets the timer for what the gates now allow; ends an attempt that they no longer do. Cheap when nothing changed. */
  arm(): void {
    const now = this.#host.clock.now().mono;
    const at = nextProbe(this.spec, this.#run, this.#host.gates(), now);
    if (this.#attempt !== undefined) {
      if (at === undefined) this.#cancel();
      return;
    }
    if (this.#timer !== undefined && this.#timerAt === at) return;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#timerAt = at;
    if (at === undefined) return;
    this.#timer = this.#host.clock.setTimer(at - now, () => {
      this.#timer = undefined;
      void this.#go(at);
    });
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#cancel();
  }

  #cancel(): void {
    this.#attempt?.abort();
    this.#attempt = undefined;
  }

  async #go(dueAt: number): Promise<void> {
    const { clock } = this.#host;
    const mine = new AbortController();
    this.#attempt = mine;
    const begun = clock.now().mono;
    const outcome = await this.#tries(mine.signal);
    if (this.#attempt !== mine) return; // nobody wants it any more
    this.#attempt = undefined;
    const now = clock.now().mono;
    const result = resultOf(outcome);
    const early = result !== 'success' && isEarly(this.spec, this.#run);
    // As much as its Event shows: it stays in the Pod's facts.
    const message = bounded('output' in outcome ? outcome.output : outcome.error, EVENT_BYTES);
    this.#run = applyResult(this.spec, this.#run, result, dueAt, now, message);
    this.#host.done({ spec: this.spec, attempt: outcome, early, seconds: (now - begun) / 1000 });
    this.arm();
  }

  async #tries(signal: AbortSignal): Promise<Attempt> {
    let last: Attempt = { result: 'unknown', error: 'not tried' };
    for (let i = 0; i < MAX_TRIES && !signal.aborted; i++) {
      try {
        last = await attempt(this.#host.handlers, this.#probe, this.#host.context(this.spec, signal));
      } catch (error) {
        last = { result: 'unknown', error: errorMessage(error) };
      }
      if (!('error' in last)) return last;
    }
    return last;
  }
}

function resultOf(outcome: Attempt): AttemptResult {
  if ('error' in outcome) return 'error';
  return outcome.result === 'failure' ? 'failure' : 'success';
}
