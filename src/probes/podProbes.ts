import type { Cri } from '../cri/client.ts';
import type { PodEvent } from '../events/event.ts';
import type { Clock } from '../lib/clock.ts';
import type { PodEntry } from '../pods/entry.ts';
import { apiStatus } from '../pods/rules/apiStatus.ts';
import { podViews } from '../pods/rules/views.ts';
import type { PodTable } from '../pods/table.ts';
import type { Pod } from '../types/k8s.ts';
import type { ProbeTarget } from './containerProbes.ts';
import { createHandlers } from './handlers/registry.ts';
import { type HookOptions, HookRunner } from './hooks.ts';
import { Prober } from './prober.ts';
import { heardOf } from './rules/heard.ts';
import type { ProbeMetric } from './rules/report.ts';

export interface PodProbesOptions {
  readonly cri: Cri;
  readonly clock: Clock;
  readonly random: () => number;
  readonly table: PodTable;
  /** An Event about a container of a Pod that the table has. */
  onEvent(entry: PodEntry, event: PodEvent): void;
  onMetric(metric: ProbeMetric): void;
  /** A hook went on without TLS, or its sleep was cut short. */
  readonly onHook?: HookOptions['onMetric'];
}

/** Probes and hooks of all Pods: follows the workers' decisions, and tells the Pods the verdicts. */
export class PodProbes implements Disposable {
  readonly hooks: HookRunner;
  readonly #prober: Prober;
  readonly #stack = new DisposableStack();

  constructor({ cri, clock, random, table, onEvent, onMetric, onHook }: PodProbesOptions) {
    const emit = (uid: string, container: string, event: Omit<PodEvent, 'container'>) => {
      const entry = table.get(uid);
      if (entry) onEvent(entry, { ...event, container });
    };
    this.hooks = new HookRunner({ cri, clock, onEvent: emit, ...(onHook && { onMetric: onHook }) });
    this.#prober = this.#stack.use(
      new Prober({
        clock,
        random,
        handlers: createHandlers(cri, clock),
        onEvent: emit,
        onMetric,
        onChange: (uid, states) => table.learn(uid, { kind: 'probes', states }),
      }),
    );
    this.#stack.use(table.onDecided((entry) => this.#follow(entry)));
    this.#stack.use(table.onEnded((uid) => this.#prober.remove(uid)));
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  /** Brings the Pod's probes in line with what runs of it now. */
  #follow(entry: PodEntry): void {
    const { pod, observed, reasons } = entry;
    if (!pod || !hasProbes(pod)) return;
    const hooked = new Set(reasons.flatMap((r) => (r.code === 'PostStartHook' ? [r.container] : [])));
    const targets: ProbeTarget[] = podViews({ runtime: observed, logRestarts: {} }, pod).all.flatMap((view) => {
      const c = view.current;
      if (c?.state !== 'running' || hooked.has(view.name) || view.kind === 'ephemeral') return [];
      return [{ container: view.container, containerId: c.id, startedAt: c.startedAt }];
    });
    const status = apiStatus(entry);
    const started = targets.filter((t) => heardOf(status, t.containerId)?.started).map((t) => t.containerId);
    this.#prober.sync(pod, targets, {
      podIP: entry.podIPs[0] ?? '',
      readinessOnly: entry.phase !== 'Active',
      started: new Set(started),
    });
  }
}

function hasProbes(pod: Pod): boolean {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  return containers.some((c) => c.livenessProbe ?? c.readinessProbe ?? c.startupProbe);
}
