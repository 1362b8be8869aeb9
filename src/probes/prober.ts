import type { Clock } from '../lib/clock.ts';
import type { ProbeState } from '../pods/facts.ts';
import type { Container, Pod } from '../types/k8s.ts';
import type { ProbeTarget } from './containerProbes.ts';
import { ContainerProbes } from './containerProbes.ts';
import type { ProbeHandlers } from './handlers/registry.ts';
import type { AttemptReport } from './probeLoop.ts';
import { sameState } from './rules/health.ts';
import type { ProbeEvent, ProbeMetric } from './rules/report.ts';
import { eventOf, metricOf } from './rules/report.ts';
import type { RunStart } from './rules/run.ts';

/** What the prober works with and whom it tells. */
export interface ProberOptions {
  readonly clock: Clock;
  /** 0 ≤ random() < 1: spreads the first probes of containers that ran before this process. */
  readonly random: () => number;
  readonly handlers: ProbeHandlers;
  /** The verdicts of all probed containers of a Pod, after any of them changed; never called from within `sync`. */
  readonly onChange: (uid: string, states: Readonly<Record<string, ProbeState>>) => void;
  readonly onEvent: (uid: string, container: string, event: ProbeEvent) => void;
  readonly onMetric?: (metric: ProbeMetric) => void;
}

/** What `sync` has to know besides the containers. */
export interface SyncOptions {
  readonly podIP: string;
  /** The Pod is ending: liveness and startup stop, readiness goes on. */
  readonly readinessOnly: boolean;
  /** Ids of containers that the API's status calls started; it may become known only after the container was first seen. */
  readonly started?: ReadonlySet<string>;
}

interface PodEntry {
  /** When the node had the Pod, on the monotonic clock. */
  readonly since: number;
  pod: Pod;
  options: SyncOptions;
  readonly containers: Map<string, ContainerProbes>;
  told: Readonly<Record<string, ProbeState>>;
  telling: boolean;
}

/** Probes the running containers of all Pods. Every wait is one timer; nothing polls. */
export class Prober implements Disposable {
  readonly #options: ProberOptions;
  readonly #startedAt: { readonly wall: number; readonly mono: number };
  readonly #pods = new Map<string, PodEntry>();

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  /**
   * Makes the Pod's running containers (`targets`) the ones that are probed: new ids begin anew, missing ones end. Repeating it
   * changes nothing. Containers without probes are ignored. The first call for a Pod, with or without containers, begins its periods.
   */
  sync(pod: Pod, targets: readonly ProbeTarget[], options: SyncOptions): void {
    const uid = pod.metadata?.uid ?? '';
    const wanted = targets.filter((target) => ContainerProbes.wanted(target.container));
    const entry = this.#entry(uid, pod, options);
    const kept = new Set(wanted.map((target) => target.container.name));
    for (const [name, probes] of entry.containers) {
      if (kept.has(name)) continue;
      probes[Symbol.dispose]();
      entry.containers.delete(name);
    }
    for (const target of wanted) this.#syncContainer(uid, entry, target);
    this.#tell(uid, entry);
  }

  /** Ends the Pod's probes; nothing more is told about it. */
  remove(uid: string): void {
    const entry = this.#pods.get(uid);
    this.#pods.delete(uid);
    for (const probes of entry?.containers.values() ?? []) probes[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const uid of [...this.#pods.keys()]) this.remove(uid);
  }

  #entry(uid: string, pod: Pod, options: SyncOptions): PodEntry {
    const known = this.#pods.get(uid);
    if (known) {
      known.pod = pod;
      known.options = options;
      return known;
    }
    const since = this.#options.clock.now().mono;
    const entry: PodEntry = { since, pod, options, containers: new Map(), told: {}, telling: false };
    this.#pods.set(uid, entry);
    return entry;
  }

  #syncContainer(uid: string, entry: PodEntry, target: ProbeTarget): void {
    const name = target.container.name;
    const known = entry.containers.get(name);
    const started = entry.options.started?.has(target.containerId) === true;
    if (known?.target.containerId === target.containerId) {
      if (started) known.skipStartup();
      known.arm();
      return;
    }
    known?.[Symbol.dispose]();
    const { clock, handlers } = this.#options;
    const probes = new ContainerProbes(target, (period) => this.#startOf(entry, target, period), {
      clock,
      handlers,
      podIP: () => entry.options.podIP,
      readinessOnly: () => entry.options.readinessOnly,
      report: (container, report) => this.#report(uid, entry, container, report),
    });
    entry.containers.set(name, probes);
    if (started) probes.skipStartup();
    probes.arm();
  }

  /** Where a container's probe begins. */
  #startOf({ since }: PodEntry, target: ProbeTarget, periodMs: number): RunStart {
    const { clock, random } = this.#options;
    const now = clock.now();
    const startedAt = now.mono - Math.max(now.wall - target.startedAt, 0);
    const uptime = now.mono - this.#startedAt.mono;
    // In monotonic time: the wall clock may have been set since this process began.
    if (startedAt >= this.#startedAt.mono) return { startedAt, phase: since };
    const spreadMs = periodMs > uptime ? random() * periodMs : 0;
    return { startedAt, spreadMs };
  }

  #report(uid: string, entry: PodEntry, container: Container, report: AttemptReport): void {
    const { onEvent, onMetric } = this.#options;
    const { spec, attempt, early, seconds } = report;
    const metric = metricOf(entry.pod, container.name, spec.kind, attempt, seconds);
    if (metric) onMetric?.(metric);
    const event = early ? undefined : eventOf(spec.kind, attempt);
    if (event) onEvent(uid, container.name, event);
    this.#tell(uid, entry);
  }

  /** Tells in a microtask, so that several changes become one and no caller is re-entered. */
  #tell(uid: string, entry: PodEntry): void {
    if (entry.telling) return;
    entry.telling = true;
    queueMicrotask(() => {
      entry.telling = false;
      if (this.#pods.get(uid) !== entry) return;
      const states = Object.fromEntries([...entry.containers].map(([name, probes]) => [name, probes.state()]));
      const names = new Set([...Object.keys(states), ...Object.keys(entry.told)]);
      if ([...names].every((name) => sameState(states[name], entry.told[name]))) return;
      entry.told = Object.freeze(states);
      this.#options.onChange(uid, entry.told);
    });
  }
}
