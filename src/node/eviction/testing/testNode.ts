import type { NodeEvent, PodEvent } from '../../../events/event.ts';
import { Metrics } from '../../../k8s/metrics/metrics.ts';
import { ManualClock } from '../../../lib/fake/manualClock.ts';
import { createLogger } from '../../../lib/logger.ts';
import { NodePressure } from '../../../pods/nodePressure.ts';
import { allocatedAsAsked } from '../../../pods/rules/allocation.ts';
import type { ServedPod } from '../../../pods/served.ts';
import { PodTable } from '../../../pods/table.ts';
import { TestOwner } from '../../../pods/testing/owner.ts';
import { evictionMetrics } from '../evictionMetrics.ts';
import { Evictor } from '../evictor.ts';
import type { NodeState } from '../nodeReader.ts';
import { PressureKeeper } from '../pressureKeeper.ts';
import { Reclaimer } from '../reclaimer.ts';
import type { FsFigures } from '../rules/observations.ts';
import { candidate, type TestCandidate, thresholds } from '../rules/testing.ts';
import type { ThresholdSettings } from '../rules/thresholds.ts';

const GI = 2 ** 30;
const ROOMY: FsFigures = { capacityBytes: 100 * GI, availableBytes: 50 * GI, inodes: 1000, inodesFree: 900 };

export interface TestSettings extends Partial<ThresholdSettings> {
  readonly maxGraceSeconds?: number;
  readonly localLimits?: boolean;
}

/** A node under a clock of the test: what is read of it, its Pods, and what was done to them. For tests. */
export class TestNode implements Disposable {
  readonly clock = new ManualClock();
  readonly table = new PodTable();
  readonly pressure = new NodePressure();
  readonly metrics = new Metrics();
  readonly owners = new Map<string, TestOwner>();
  readonly #stats = new Map<string, ReturnType<typeof candidate>>();
  readonly events: string[] = [];
  readonly annotations: unknown[] = [];
  readonly nodeEvents: NodeEvent[] = [];
  readonly removed: string[] = [];
  readonly logged: string[] = [];
  /** How many images and containers nobody uses; what removing them gives back comes `freesAfterMs` later. */
  unused = { containers: 0, images: 0, bytes: 0, freesAfterMs: 0 };
  state: NodeState = {
    readings: {
      atMs: 0,
      memory: { total: 16 * GI, workingSet: GI },
      nodefs: ROOMY,
      imagefs: ROOMY,
      containerfs: ROOMY,
    },
    layout: { imageFs: false, containerFs: false },
  };
  reads = 0;
  measured = 0;
  measureProblem: Error | undefined;
  /** What happens while Pods are measured. */
  whileMeasuring = () => {};
  /** Removing images ends with it, after they went. */
  removalProblem: Error | undefined;
  /** Removing images never ends, whatever its signal says. */
  removalHangs = false;
  readonly evictor: Evictor;
  readonly keeper: PressureKeeper;

  constructor({ maxGraceSeconds = 0, localLimits = false, ...settings }: TestSettings) {
    const { clock, table, pressure } = this;
    const log = createLogger({ write: (line) => void this.logged.push(line) });
    this.evictor = new Evictor({
      ...{ table, clock, log, maxGraceSeconds },
      pods: () => this.#served(),
      measures: {
        of: async () => this.#measure(),
        forLimits: async () => this.#measure(),
        withContainers: async (stats) => stats,
      },
      metrics: evictionMetrics(this.metrics),
      onEvent: ({ name }, { reason, message, annotations }: PodEvent) => {
        this.events.push(`${name} ${reason}: ${message}`);
        if (annotations) this.annotations.push(annotations);
      },
    });
    this.keeper = new PressureKeeper({
      settings: { thresholds: thresholds(settings), transitionMs: 300_000, maxGraceSeconds, localLimits },
      ...{ pressure, clock, log },
      evictor: this.evictor,
      reclaimer: new Reclaimer({
        remove: { containers: () => this.#remove('containers'), images: () => this.#remove('images') },
        ...{ clock, log },
      }),
      read: async () => {
        this.reads += 1;
        return { ...this.state, readings: { ...this.state.readings, atMs: clock.now().mono } };
      },
      onEvent: (event) => void this.nodeEvents.push(event),
    });
  }

  [Symbol.dispose](): void {
    this.keeper[Symbol.dispose]();
    this.evictor[Symbol.dispose]();
  }

  /** A Pod with a running container. */
  pod(name: string, of: TestCandidate = {}): TestOwner {
    const made = candidate(name, of);
    const observed = { sandboxes: [], containers: [{ id: `c-${name}`, name: 'c', state: 'running' }] };
    const { uid } = made;
    const pod = allocatedAsAsked(made.pod);
    const owner = new TestOwner(this.table, { uid, name, namespace: 'ns', pod, observed: observed as never });
    this.owners.set(name, owner);
    this.#stats.set(uid, made);
    return owner;
  }

  /** Nothing is left of the Pod. */
  gone(name: string): void {
    this.table.leave(`uid-${name}`);
    this.owners.delete(name);
  }

  memory(availableGi: number): void {
    this.#set({ memory: { total: 16 * GI, workingSet: Math.round((16 - availableGi) * GI) } });
  }

  disk(availableGi: number): void {
    const fs = { ...ROOMY, availableBytes: availableGi * GI };
    this.#set({ nodefs: fs, imagefs: fs, containerfs: fs });
  }

  /** Every source has been heard, and the first look is done. */
  async start(): Promise<void> {
    await this.keeper.start();
    this.keeper.allowEvictions();
    await this.clock.advanceAsync(0);
  }

  /** What each Pod was asked, by name. */
  asked(): Record<string, readonly unknown[]> {
    return Object.fromEntries([...this.owners].flatMap(([name, o]) => (o.ends.length > 0 ? [[name, o.ends]] : [])));
  }

  #set(readings: Partial<NodeState['readings']>): void {
    this.state = { ...this.state, readings: { ...this.state.readings, ...readings } };
  }

  #served(): ServedPod[] {
    return this.table.all().map((entry) => ({ ...entry, mirrorUid: undefined, isStatic: false }));
  }

  #measure() {
    this.measured += 1;
    this.whileMeasuring();
    if (this.measureProblem) throw this.measureProblem;
    return new Map([...this.#stats].map(([uid, { stats }]) => [uid, stats]));
  }

  async #remove(what: 'containers' | 'images'): Promise<number> {
    if (what === 'images' && this.removalHangs) return new Promise(() => {});
    const count = this.unused[what];
    this.removed.push(what);
    this.unused = { ...this.unused, [what]: 0 };
    const { bytes, freesAfterMs } = this.unused;
    const free = this.state.readings.nodefs!.availableBytes / GI + bytes / GI;
    if (what === 'images' && count > 0) {
      if (freesAfterMs === 0) this.disk(free);
      else this.clock.setTimer(freesAfterMs, () => this.disk(free));
    }
    if (what === 'images' && this.removalProblem) throw this.removalProblem;
    return count;
  }
}
