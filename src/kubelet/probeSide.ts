import type { Cri } from '../cri/client.ts';
import type { Clock } from '../lib/clock.ts';
import { podIPsOf } from '../podworker/actions/createContainer.ts';
import type { HookRunner as Hooks } from '../podworker/actions/services.ts';
import { apiStatus } from '../podworker/rules/health.ts';
import { podViews } from '../podworker/rules/view.ts';
import type { PodWorker } from '../podworker/worker.ts';
import type { PodWorkers } from '../podworker/workers.ts';
import type { ProbeTarget } from '../probes/containerProbes.ts';
import { createHandlers } from '../probes/handlers/registry.ts';
import { HookRunner } from '../probes/hooks.ts';
import { Prober } from '../probes/prober.ts';
import { heardOf } from '../probes/rules/heard.ts';
import type { ProbeMetric } from '../probes/rules/report.ts';
import type { Pod } from '../types/k8s.ts';
import type { EventSide } from './eventSide.ts';

/** Probes and hooks of all Pods: follows the workers' decisions, and turns verdicts into facts of theirs. */
export class ProbeSide implements Disposable {
  readonly hooks: Hooks;
  readonly #prober: Prober;
  #workers: () => PodWorkers | undefined = () => undefined;

  constructor(cri: Cri, clock: Clock, events: EventSide, onMetric?: (metric: ProbeMetric) => void) {
    const emit = (
      uid: string,
      container: string,
      event: { type: 'Normal' | 'Warning'; reason: string; message: string },
    ) => {
      const last = this.#workers()?.get(uid)?.last;
      if (last) events.pod(last.facts.pod, last.facts, { ...event, container });
    };
    this.hooks = new HookRunner({ cri, clock, onEvent: emit });
    this.#prober = new Prober({
      clock,
      random: Math.random,
      handlers: createHandlers(cri, clock),
      onEvent: emit,
      ...(onMetric ? { onMetric } : {}),
      onChange: (uid, states) => {
        const worker = this.#workers()?.get(uid);
        if (!worker) return;
        worker.facts.probes = states;
        worker.wake();
      },
    });
  }

  /** Where verdicts go. */
  onChange(workers: () => PodWorkers): void {
    this.#workers = workers;
  }

  /** Brings the Pod's probes in line with what runs of it now. */
  follow(worker: PodWorker): void {
    const { last, memory } = worker;
    const pod = last?.facts.pod;
    if (!last || !pod || !hasProbes(pod)) return;
    const { facts, decision } = last;
    const hooked = new Set(decision.reasons.flatMap((r) => (r.code === 'PostStartHook' ? [r.container] : [])));
    const targets: ProbeTarget[] = podViews(facts, pod).all.flatMap((view) => {
      const c = view.current;
      if (c?.state !== 'running' || hooked.has(view.name) || view.kind === 'ephemeral') return [];
      return [{ container: view.container, containerId: c.id, startedAt: c.startedAt }];
    });
    const podIP = podIPsOf({ facts })[0] ?? '';
    const status = apiStatus(facts, pod);
    const started = targets.filter((t) => heardOf(status, t.containerId)?.started).map((t) => t.containerId);
    this.#prober.sync(pod, targets, {
      podIP,
      readinessOnly: memory.phase !== 'Active',
      started: new Set(started),
    });
  }

  forget(uid: string): void {
    this.#prober.remove(uid);
  }

  [Symbol.dispose](): void {
    this.#prober[Symbol.dispose]();
  }
}

function hasProbes(pod: Pod): boolean {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  return containers.some((c) => c.livenessProbe ?? c.readinessProbe ?? c.startupProbe);
}
