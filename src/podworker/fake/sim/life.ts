import { isDeepStrictEqual } from 'node:util';
import { Random } from '../../../lib/fake/random.ts';
import type { Pod } from '../../../types/k8s.ts';
import type { Now } from '../../rules/facts.ts';
import { checkDeterminism, checkEnds, checkMemory, checkReasons, checkShown } from './checks.ts';
import { type SimCall, SimKubelet } from './kubelet.ts';
import { randomPod } from './randomPod.ts';
import { SimError, SimRuntime } from './runtime.ts';
import { carryOut, type Durable } from './world.ts';

export interface Event {
  readonly weight: number;
  readonly name: string;
  readonly run: () => void;
}

/** How many mishaps one run has before the world turns calm. */
const mishaps = 8;
const maxSteps = 3_000;
/** Calls to the runtime: their answers may be lost while the runtime goes on. */
export const remote = /Sandbox|Container/;

/** The parts of a simulated life that go right: turns and what must hold in each, calls, reads, the API. */
export abstract class SimulatedLife {
  readonly trace: string[] = [];
  protected readonly random: Random;
  protected readonly runtime: SimRuntime;
  protected readonly durable: Durable;
  protected kubelet: SimKubelet;
  protected now: Now = { wall: Date.UTC(2026, 0, 1), mono: 0 };
  protected mishapsLeft = mishaps;
  protected lostEvents = false;
  /** Turns so far. */
  turnCount = 0;
  protected ghosts: SimCall[] = [];
  protected excused = new Set<string>();

  constructor(seed: number, pod?: Pod) {
    this.random = new Random(seed);
    this.runtime = new SimRuntime(
      this.random,
      () => this.now,
      () => this.runtimeChanged(),
    );
    const verdict = this.random.chance(0.03)
      ? ({ state: 'rejected', reason: 'OutOfcpu', message: 'no room' } as const)
      : ({ state: 'admitted' } as const);
    this.durable = { pod: pod ?? randomPod(this.random), inApi: true, mounted: new Set(), logs: {}, verdict };
    this.kubelet = new SimKubelet(this.durable);
  }

  protected live(until: () => boolean): void {
    for (let step = 0; step < maxSteps; step++) {
      this.turns();
      if (until()) return;
      const events = this.events();
      if (events.length === 0) throw new Error('nothing can happen any more, and it is not over');
      const event = this.random.weighted(events);
      if (event.name !== '') this.note(event.name);
      event.run();
      this.runtime.tick();
      const [violation] = this.runtime.violations;
      if (violation !== undefined) throw new Error(violation);
    }
    throw new Error(`not over after ${maxSteps} steps`);
  }

  protected note(text: string): void {
    this.trace.push(`${(this.now.mono / 1000).toFixed(3)} ${text}`);
  }

  // ---- the kubelet's turns and what must hold in each

  protected turns(): void {
    for (let n = 0; this.kubelet.woken && !this.kubelet.done; n++) {
      if (n > 50) throw new Error('the kubelet turns without end');
      this.turn();
    }
  }

  protected turn(): void {
    this.turnCount++;
    const k = this.kubelet;
    const before = k.memory;
    const busy = new Set(k.calls.keys());
    const decision = k.turn(this.now);
    const facts = k.last!.facts;
    for (const a of decision.start) {
      this.note(`  → ${a.kind} ${a.slot}`);
      if (busy.has(a.slot)) throw new Error(`two actions in slot ${a.slot}`);
      busy.add(a.slot);
    }
    for (const slot of decision.abort) this.note(`  × ${slot}`);
    if (!facts.pod && !facts.sourcesReady && decision.start.length > 0)
      throw new Error('acted on an unknown Pod before all sources reported');
    checkMemory(before, decision.memory);
    checkReasons(facts, decision);
    checkShown(facts, before.status, decision.status);
    // What a late call starts against our will is not meant.
    const own = this.runtime.containers.map((c) => c.seen).filter((c) => !this.runtime.unknown.has(c.id));
    checkEnds(this.durable.pod, this.durable.accepted, own);
    if (this.random.chance(0.01)) checkDeterminism(facts, before, this.now);
    if (decision.wakeAt !== null && decision.wakeAt <= this.now.mono) throw new Error('woken in the past');
  }

  // ---- what can happen next

  protected events(): Event[] {
    const events: Event[] = [...this.callEvents(), ...this.ghostEvents(), ...this.readEvents(), ...this.apiEvents()];
    if (this.mishapsLeft > 0) events.push(...this.mishapEvents());
    const next = this.nextTime();
    if (next !== undefined)
      events.push({ weight: events.length === 0 ? 1 : 0.7, name: '', run: () => this.advance(next) });
    return events;
  }

  protected nextTime(): number | undefined {
    const wakeAt = this.kubelet.done ? null : this.kubelet.last?.decision.wakeAt;
    const next = Math.min(wakeAt ?? Number.POSITIVE_INFINITY, this.runtime.nextEnd());
    return Number.isFinite(next) ? Math.max(next, this.now.mono) : undefined;
  }

  protected advance(mono: number): void {
    const passed = mono - this.now.mono;
    this.now = { wall: this.now.wall + passed, mono };
    const wakeAt = this.kubelet.last?.decision.wakeAt ?? Number.POSITIVE_INFINITY;
    if (wakeAt <= mono) this.kubelet.woken = true;
  }

  protected callEvents(): Event[] {
    return [...this.kubelet.calls.values()].flatMap((call) => {
      const what = `${call.action.kind} ${call.action.slot}`;
      if (!call.applied) {
        const go: Event = { weight: 4, name: `${what} carried out`, run: () => this.apply(call) };
        const cut: Event = { weight: 4, name: `${what} aborted`, run: () => this.fail(call, 'Aborted', true) };
        return call.aborted ? [go, cut] : [go];
      }
      if (call.action.kind === 'stopContainer') return this.stopAnswers(call, call.action.containerId, what);
      return [{ weight: 4, name: `${what} answered`, run: () => this.answer(call) }];
    });
  }

  protected stopAnswers(call: SimCall, id: string, what: string): Event[] {
    const c = this.runtime.containers.find((x) => x.seen.id === id);
    if (!c || c.seen.state === 'exited') {
      const seen = c ? { container: c.seen } : { removedContainer: id };
      const run = () => this.kubelet.settle(call, this.runtime.seq, this.now.mono, { seen });
      return [{ weight: 4, name: `${what} answered`, run }];
    }
    if (!call.aborted) return [];
    const run = () => {
      delete c.killAt;
      this.fail(call, 'Canceled', false);
    };
    return [{ weight: 4, name: `${what} cancelled`, run }];
  }

  protected apply(call: SimCall): void {
    try {
      call.applied = { outcome: carryOut(call.action, call.facts, this.runtime, this.durable) };
      this.checkStopTurn(call);
    } catch (error) {
      if (!(error instanceof SimError)) throw error;
      this.note(`  refused: ${error.message}`);
      call.applied = { refusal: error.message };
    }
  }

  /** KEP-753: while the grace period lasts, a sidecar of a Pod that is ending outlives its main containers. */
  protected checkStopTurn({ action, facts }: SimCall): void {
    const termination = this.kubelet.memory.termination;
    if (action.kind !== 'stopContainer' || !termination || this.now.wall >= termination.deadline) return;
    if (this.kubelet.memory.kills[action.containerId]) return;
    if (!facts.pod?.spec?.initContainers?.some((c) => c.name === action.container && c.restartPolicy === 'Always'))
      return;
    const mains = new Set(facts.pod.spec.containers.map((c) => c.name));
    const left = this.runtime.running().find((c) => mains.has(c.seen.name));
    if (left) throw new Error(`sidecar ${action.container} stopped before ${left.seen.id}`);
  }

  protected answer(call: SimCall): void {
    const { outcome, refusal } = call.applied!;
    const { seq } = this.runtime;
    if (refusal === undefined) this.kubelet.settle(call, seq, this.now.mono, outcome ?? {});
    else this.kubelet.settle(call, seq, this.now.mono, {}, { reason: 'Unknown', message: refusal, settled: true });
  }

  protected fail(call: SimCall, reason: string, settled: boolean): void {
    this.kubelet.settle(call, this.runtime.seq, this.now.mono, {}, { reason, message: 'a mishap', settled });
  }

  /** Calls that the kubelet gave up while the runtime still may carry them out. */
  protected ghostEvents(): Event[] {
    return this.ghosts.map((ghost) => ({
      weight: 1,
      name: `late ${ghost.action.kind} ${ghost.action.slot}`,
      run: () => {
        this.ghosts = this.ghosts.filter((g) => g !== ghost);
        if (this.random.chance(0.6)) this.apply(ghost);
        const { sandbox, container } = ghost.applied?.outcome?.seen ?? {};
        for (const made of [sandbox, container]) if (made) this.runtime.unknown.add(made.id);
      },
    }));
  }

  protected readEvents(): Event[] {
    const k = this.kubelet;
    const events: Event[] = [];
    const { read } = k;
    if (k.wantsRead && !read) {
      const run = () => {
        k.wantsRead = false;
        k.read = { seq: ++this.runtime.seq };
      };
      events.push({ weight: 3, name: '', run });
    }
    if (read && !read.answer)
      events.push({
        weight: 3,
        name: `read ${read.seq}`,
        run: () => {
          read.answer = this.runtime.read(read.seq);
        },
      });
    if (read?.answer) events.push({ weight: 3, name: `read ${read.seq} arrives`, run: () => k.endRead() });
    if (this.lostEvents) {
      const run = () => {
        this.lostEvents = false;
        k.lookAgain();
      };
      events.push({ weight: 0.3, name: 'full list', run });
    }
    return events;
  }

  protected runtimeChanged(): void {
    if (this.random.chance(0.9)) this.kubelet?.lookAgain();
    else this.lostEvents = true;
  }

  protected apiEvents(): Event[] {
    const k = this.kubelet;
    const d = this.durable;
    const events: Event[] = [];
    if (!k.sourcesReady) {
      if (d.inApi && !k.sheet.pod) events.push({ weight: 1, name: 'Pod heard of', run: () => this.tell() });
      else events.push({ weight: 1, name: 'sources ready', run: () => this.sourcesReady() });
    }
    if (!d.inApi && k.sheet.pod && !k.sheet.gone)
      events.push({ weight: 1, name: 'gone from the API', run: () => this.gone() });
    if (this.newStatus() && d.inApi && k.sheet.pod) events.push({ weight: 1.5, name: '', run: () => this.accept() });
    return [...events, ...this.probeEvents()];
  }

  protected compared: { readonly status: unknown; readonly accepted: unknown; readonly differ: boolean } | undefined;

  protected newStatus(): boolean {
    const status = this.kubelet.last?.decision.status ?? undefined;
    const { accepted } = this.durable;
    if (status === undefined || status === accepted) return false;
    if (this.compared?.status !== status || this.compared.accepted !== accepted)
      this.compared = { status, accepted, differ: !isDeepStrictEqual(status, accepted) };
    return this.compared.differ;
  }

  protected tell(): void {
    const { accepted } = this.durable;
    if (accepted) this.kubelet.learn({ kind: 'accepted', status: accepted, written: false });
    this.kubelet.sheet.setPod(this.durable.pod, 'api');
    this.kubelet.woken = true;
  }

  protected sourcesReady(): void {
    this.kubelet.learn({ kind: 'sourcesReady' });
  }

  protected gone(): void {
    this.kubelet.sheet.setGone(undefined);
    this.kubelet.woken = true;
  }

  protected accept(): void {
    const status = this.kubelet.last!.decision.status!;
    const d = this.durable;
    const old = d.accepted?.phase;
    if ((old === 'Succeeded' || old === 'Failed') && status.phase !== old)
      throw new Error(`the Pod came back from ${old}`);
    const over = status.phase === 'Succeeded' || status.phase === 'Failed';
    if (over && this.runtime.running().length > 0) throw new Error(`${status.phase} written while containers run`);
    if (over && old !== status.phase) this.note(`status ${status.phase}`);
    d.accepted = status;
    d.pod = { ...d.pod, status };
    this.kubelet.learn({ kind: 'accepted', status, written: true });
    this.kubelet.sheet.setPod(d.pod, 'api');
    this.kubelet.woken = true;
  }

  protected probeEvents(): Event[] {
    const k = this.kubelet;
    const { initContainers = [], containers = [] } = k.sheet.pod?.spec ?? {};
    return [...initContainers, ...containers].flatMap((spec) => {
      const c = k.sheet.observation.pod?.containers.find((x) => x.name === spec.name);
      if (c?.state !== 'running' || !(spec.startupProbe || spec.readinessProbe || spec.livenessProbe)) return [];
      const known = k.probes[spec.name];
      if (known?.containerId === c.id && (known.ready || known.failed)) return [];
      return [{ weight: 1, name: `probes of ${c.id} pass`, run: () => this.probe(spec.name, c.id, {}) }];
    });
  }

  protected probe(name: string, containerId: string, failed: { failed?: 'liveness' | 'startup' }): void {
    const ok = failed.failed === undefined;
    const state = { containerId, started: ok, ready: ok, ...failed };
    this.kubelet.learn({ kind: 'probes', states: { ...this.kubelet.probes, [name]: state } });
  }

  protected abstract mishapEvents(): Event[];
}
