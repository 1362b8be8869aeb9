import type { Clock } from '../lib/clock.ts';
import type { ProbeState } from '../pods/facts.ts';
import type { Container } from '../types/k8s.ts';
import type { ProbeHandlers } from './handlers/registry.ts';
import type { AttemptReport, LoopHost } from './probeLoop.ts';
import { ProbeLoop } from './probeLoop.ts';
import type { Runs } from './rules/health.ts';
import { isStarted, probeState } from './rules/health.ts';
import type { RunStart } from './rules/run.ts';
import { newRun } from './rules/run.ts';
import type { ProbeKind } from './rules/spec.ts';
import { PROBE_KINDS, probeOf, probeSpec } from './rules/spec.ts';

/** A running container to be probed. */
export interface ProbeTarget {
  readonly container: Container;
  readonly containerId: string;
  /** Wall clock, ms since the epoch. */
  readonly startedAt: number;
}

/** What the container's surroundings provide. */
export interface Surroundings {
  readonly clock: Clock;
  readonly handlers: ProbeHandlers;
  podIP(): string;
  readinessOnly(): boolean;
  report(container: Container, report: AttemptReport): void;
}

/** All probes of one container id. */
export class ContainerProbes implements Disposable {
  readonly target: ProbeTarget;
  readonly #loops = new Map<ProbeKind, ProbeLoop>();
  readonly #around: Surroundings;

  /** `startOf` says how a probe of this period begins, on the monotonic clock. */
  constructor(target: ProbeTarget, startOf: (periodMs: number) => RunStart, around: Surroundings) {
    this.target = target;
    this.#around = around;
    const now = around.clock.now().mono;
    for (const kind of PROBE_KINDS) {
      const probe = probeOf(kind, target.container);
      if (!probe) continue;
      const spec = probeSpec(kind, probe);
      const run = newRun(spec, startOf(spec.periodMs), now);
      this.#loops.set(kind, new ProbeLoop(spec, probe, run, this.#host()));
    }
  }

  /** Whether the container has any probe at all. */
  static wanted(container: Container): boolean {
    return PROBE_KINDS.some((kind) => probeOf(kind, container));
  }

  /** The present verdict. */
  state(): ProbeState {
    return probeState(this.target.containerId, this.#runs());
  }

  /** The container is known to have started before: its startup probe ends, unless it came to a verdict of its own. */
  skipStartup(): void {
    this.#loops.get('startup')?.skip();
  }

  /** Brings the timers in line with the verdicts and with the Pod's phase. */
  arm(): void {
    for (const loop of this.#loops.values()) loop.arm();
  }

  [Symbol.dispose](): void {
    for (const loop of this.#loops.values()) loop[Symbol.dispose]();
  }

  #runs(): Runs {
    const runs: Partial<Record<ProbeKind, ProbeLoop['run']>> = {};
    for (const [kind, loop] of this.#loops) runs[kind] = loop.run;
    return runs;
  }

  #host(): LoopHost {
    const { clock, handlers, podIP, readinessOnly, report } = this.#around;
    const { container, containerId } = this.target;
    return {
      clock,
      handlers,
      gates: () => ({ started: isStarted(this.#runs()), readinessOnly: readinessOnly() }),
      context: (spec, signal) => ({ container, containerId, podIP: podIP(), timeoutMs: spec.timeoutMs, signal }),
      done: (attemptReport) => {
        report(container, attemptReport);
        if (attemptReport.spec.kind === 'startup') this.arm();
      },
    };
  }
}
