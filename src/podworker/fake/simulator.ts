import { isDeepStrictEqual } from 'node:util';
import { Random } from '../../lib/fake/random.ts';
import type { Pod } from '../../types/k8s.ts';
import { decide } from '../rules/decide.ts';
import type { Now, PodFacts } from '../rules/facts.ts';
import { lifePhases } from '../rules/memory.ts';
import { type SimCall, SimKubelet } from './sim/kubelet.ts';
import { randomPod } from './sim/randomPod.ts';
import { SimError, SimRuntime } from './sim/runtime.ts';
import { carryOut, type Durable } from './sim/world.ts';

interface Event {
  readonly weight: number;
  readonly name: string;
  readonly run: () => void;
}

/** How many mishaps one run has before the world turns calm. */
const mishaps = 8;
const maxSteps = 3_000;
/** Calls to the runtime: their answers may be lost while the runtime goes on. */
const remote = /Sandbox|Container/;

/**
 * One random life of one Pod: `decide` against a model of the runtime, with faults of every kind in random order. No I/O and
 * no real time: the seed alone decides. After a while the world turns calm; then the Pod must become Ready or end, and after
 * its deletion nothing may be left.
 */
export class Simulation {
  readonly trace: string[] = [];
  readonly #random: Random;
  readonly #runtime: SimRuntime;
  readonly #durable: Durable;
  #kubelet: SimKubelet;
  #now: Now = { wall: Date.UTC(2026, 0, 1), mono: 0 };
  #mishapsLeft = mishaps;
  #lostEvents = false;
  /** Turns so far. */
  turns = 0;
  #ghosts: SimCall[] = [];
  #excused = new Set<string>();

  constructor(seed: number, pod?: Pod) {
    this.#random = new Random(seed);
    this.#runtime = new SimRuntime(
      this.#random,
      () => this.#now,
      () => this.#runtimeChanged(),
    );
    const verdict = this.#random.chance(0.03)
      ? ({ state: 'rejected', reason: 'OutOfcpu', message: 'no room' } as const)
      : ({ state: 'admitted' } as const);
    this.#durable = { pod: pod ?? randomPod(this.#random), inApi: true, mounted: new Set(), logs: {}, verdict };
    this.#kubelet = new SimKubelet(this.#durable);
  }

  /** Runs to the end. Throws an error that tells what broke, with the way there. */
  run(): void {
    try {
      this.#live(() => this.#mishapsLeft === 0);
      this.#calm();
      this.#live(() => this.#settled());
      this.#expectGoodEnd();
      this.#delete(this.#random.pick(0, 1, 5));
      this.#live(() => this.#over());
      this.#expectNothing();
    } catch (error) {
      const record = JSON.stringify(this.#kubelet.last);
      throw new Error(`${(error as Error).message}\n${this.trace.join('\n')}\nlast decision: ${record}`);
    }
  }

  #calm(): void {
    this.#runtime.calm = true;
    this.#note('calm');
  }

  #live(until: () => boolean): void {
    for (let step = 0; step < maxSteps; step++) {
      this.#turns();
      if (until()) return;
      const events = this.#events();
      if (events.length === 0) throw new Error('nothing can happen any more, and it is not over');
      const event = this.#random.weighted(events);
      if (event.name !== '') this.#note(event.name);
      event.run();
      this.#runtime.tick();
      const [violation] = this.#runtime.violations;
      if (violation !== undefined) throw new Error(violation);
    }
    throw new Error(`not over after ${maxSteps} steps`);
  }

  #note(text: string): void {
    this.trace.push(`${(this.#now.mono / 1000).toFixed(3)} ${text}`);
  }

  // ---- the kubelet's turns and what must hold in each

  #turns(): void {
    for (let n = 0; this.#kubelet.woken && !this.#kubelet.done; n++) {
      if (n > 50) throw new Error('the kubelet turns without end');
      this.#turn();
    }
  }

  #turn(): void {
    this.turns++;
    const k = this.#kubelet;
    const before = k.memory;
    const busy = new Set(k.calls.keys());
    const decision = k.turn(this.#now);
    const facts = k.last!.facts;
    for (const a of decision.start) {
      this.#note(`  → ${a.kind} ${a.slot}`);
      if (busy.has(a.slot)) throw new Error(`two actions in slot ${a.slot}`);
      busy.add(a.slot);
    }
    for (const slot of decision.abort) this.#note(`  × ${slot}`);
    if (!facts.pod && !facts.sourcesReady && decision.start.length > 0)
      throw new Error('acted on an unknown Pod before all sources reported');
    this.#checkMemory(before, decision.memory);
    this.#checkReasons(facts, decision);
    if (this.#random.chance(0.01)) this.#checkDeterminism(facts, before);
    if (decision.wakeAt !== null && decision.wakeAt <= this.#now.mono) throw new Error('woken in the past');
  }

  #checkMemory(before: SimKubelet['memory'], after: SimKubelet['memory']): void {
    if (lifePhases.indexOf(after.phase) < lifePhases.indexOf(before.phase))
      throw new Error(`phase went back from ${before.phase} to ${after.phase}`);
    const [was, is] = [before.termination, after.termination];
    if (was && (!is || is.graceSeconds > was.graceSeconds || is.deadline > was.deadline || is.cause !== was.cause))
      throw new Error(`the end was put off: ${JSON.stringify(was)} → ${JSON.stringify(is)}`);
    if (is && is.graceSeconds < 1) throw new Error('grace below 1 s');
  }

  #checkReasons(facts: PodFacts, decision: ReturnType<SimKubelet['turn']>): void {
    if (decision.done) return;
    const ready = decision.status?.conditions?.find((c) => c.type === 'Ready')?.status === 'True';
    const ending = decision.memory.termination !== undefined || facts.pod?.metadata?.deletionTimestamp !== undefined;
    if ((!ready || ending) && decision.reasons.length === 0)
      throw new Error('not Ready or ending, and nobody says why');
  }

  #checkDeterminism(facts: PodFacts, memory: SimKubelet['memory']): void {
    const plain = <T>(x: T): T => JSON.parse(JSON.stringify(x)) as T;
    const first = plain(decide(facts, memory, this.#now));
    const again = plain(decide(plain(facts), plain(memory), this.#now));
    if (!isDeepStrictEqual(first, again)) throw new Error('the same facts gave another decision');
  }

  // ---- what can happen next

  #events(): Event[] {
    const events: Event[] = [
      ...this.#callEvents(),
      ...this.#ghostEvents(),
      ...this.#readEvents(),
      ...this.#apiEvents(),
    ];
    if (this.#mishapsLeft > 0) events.push(...this.#mishapEvents());
    const next = this.#nextTime();
    if (next !== undefined)
      events.push({ weight: events.length === 0 ? 1 : 0.7, name: '', run: () => this.#advance(next) });
    return events;
  }

  #nextTime(): number | undefined {
    const wakeAt = this.#kubelet.done ? null : this.#kubelet.last?.decision.wakeAt;
    const next = Math.min(wakeAt ?? Number.POSITIVE_INFINITY, this.#runtime.nextEnd());
    return Number.isFinite(next) ? Math.max(next, this.#now.mono) : undefined;
  }

  #advance(mono: number): void {
    const passed = mono - this.#now.mono;
    this.#now = { wall: this.#now.wall + passed, mono };
    const wakeAt = this.#kubelet.last?.decision.wakeAt ?? Number.POSITIVE_INFINITY;
    if (wakeAt <= mono) this.#kubelet.woken = true;
  }

  #callEvents(): Event[] {
    return [...this.#kubelet.calls.values()].flatMap((call) => {
      const what = `${call.action.kind} ${call.action.slot}`;
      if (!call.applied) {
        const go: Event = { weight: 4, name: `${what} carried out`, run: () => this.#apply(call) };
        const cut: Event = { weight: 4, name: `${what} aborted`, run: () => this.#fail(call, 'Aborted', true) };
        return call.aborted ? [go, cut] : [go];
      }
      if (call.action.kind === 'stopContainer') return this.#stopAnswers(call, call.action.containerId, what);
      return [{ weight: 4, name: `${what} answered`, run: () => this.#answer(call) }];
    });
  }

  #stopAnswers(call: SimCall, id: string, what: string): Event[] {
    const c = this.#runtime.containers.find((x) => x.seen.id === id);
    if (!c || c.seen.state === 'exited') {
      const seen = c ? { container: c.seen } : { removedContainer: id };
      const run = () => this.#kubelet.settle(call, this.#runtime.seq, this.#now.mono, { seen });
      return [{ weight: 4, name: `${what} answered`, run }];
    }
    if (!call.aborted) return [];
    const run = () => {
      delete c.killAt;
      this.#fail(call, 'Canceled', false);
    };
    return [{ weight: 4, name: `${what} cancelled`, run }];
  }

  #apply(call: SimCall): void {
    try {
      call.applied = { outcome: carryOut(call.action, call.facts, this.#runtime, this.#durable) };
      this.#checkStopTurn(call);
    } catch (error) {
      if (!(error instanceof SimError)) throw error;
      this.#note(`  refused: ${error.message}`);
      call.applied = { refusal: error.message };
    }
  }

  /** KEP-753: while the grace period lasts, a sidecar of a Pod that is ending outlives its main containers. */
  #checkStopTurn({ action, facts }: SimCall): void {
    const termination = this.#kubelet.memory.termination;
    if (action.kind !== 'stopContainer' || !termination || this.#now.wall >= termination.deadline) return;
    if (this.#kubelet.memory.kills[action.containerId]) return;
    if (!facts.pod?.spec?.initContainers?.some((c) => c.name === action.container && c.restartPolicy === 'Always'))
      return;
    const mains = new Set(facts.pod.spec.containers.map((c) => c.name));
    const left = this.#runtime.running().find((c) => mains.has(c.seen.name));
    if (left) throw new Error(`sidecar ${action.container} stopped before ${left.seen.id}`);
  }

  #answer(call: SimCall): void {
    const { outcome, refusal } = call.applied!;
    const { seq } = this.#runtime;
    if (refusal === undefined) this.#kubelet.settle(call, seq, this.#now.mono, outcome ?? {});
    else this.#kubelet.settle(call, seq, this.#now.mono, {}, { reason: 'Unknown', message: refusal, settled: true });
  }

  #fail(call: SimCall, reason: string, settled: boolean): void {
    this.#kubelet.settle(call, this.#runtime.seq, this.#now.mono, {}, { reason, message: 'a mishap', settled });
  }

  /** Calls that the kubelet gave up while the runtime still may carry them out. */
  #ghostEvents(): Event[] {
    return this.#ghosts.map((ghost) => ({
      weight: 1,
      name: `late ${ghost.action.kind} ${ghost.action.slot}`,
      run: () => {
        this.#ghosts = this.#ghosts.filter((g) => g !== ghost);
        if (this.#random.chance(0.6)) this.#apply(ghost);
        const { sandbox, container } = ghost.applied?.outcome?.seen ?? {};
        for (const made of [sandbox, container]) if (made) this.#runtime.unknown.add(made.id);
      },
    }));
  }

  #readEvents(): Event[] {
    const k = this.#kubelet;
    const events: Event[] = [];
    const { read } = k;
    if (k.wantsRead && !read) {
      const run = () => {
        k.wantsRead = false;
        k.read = { seq: ++this.#runtime.seq };
      };
      events.push({ weight: 3, name: '', run });
    }
    if (read && !read.answer)
      events.push({
        weight: 3,
        name: `read ${read.seq}`,
        run: () => {
          read.answer = this.#runtime.read(read.seq);
        },
      });
    if (read?.answer) events.push({ weight: 3, name: `read ${read.seq} arrives`, run: () => k.endRead() });
    if (this.#lostEvents) {
      const run = () => {
        this.#lostEvents = false;
        k.lookAgain();
      };
      events.push({ weight: 0.3, name: 'full list', run });
    }
    return events;
  }

  #runtimeChanged(): void {
    if (this.#random.chance(0.9)) this.#kubelet?.lookAgain();
    else this.#lostEvents = true;
  }

  #apiEvents(): Event[] {
    const k = this.#kubelet;
    const d = this.#durable;
    const events: Event[] = [];
    if (!k.sheet.sourcesReady) {
      if (d.inApi && !k.sheet.pod) events.push({ weight: 1, name: 'Pod heard of', run: () => this.#tell() });
      else events.push({ weight: 1, name: 'sources ready', run: () => this.#sourcesReady() });
    }
    if (!d.inApi && k.sheet.pod && !k.sheet.gone)
      events.push({ weight: 1, name: 'gone from the API', run: () => this.#gone() });
    if (this.#newStatus() && d.inApi && k.sheet.pod) events.push({ weight: 1.5, name: '', run: () => this.#accept() });
    return [...events, ...this.#probeEvents()];
  }

  #compared: { readonly status: unknown; readonly accepted: unknown; readonly differ: boolean } | undefined;

  #newStatus(): boolean {
    const status = this.#kubelet.last?.decision.status ?? undefined;
    const { accepted } = this.#durable;
    if (status === undefined || status === accepted) return false;
    if (this.#compared?.status !== status || this.#compared.accepted !== accepted)
      this.#compared = { status, accepted, differ: !isDeepStrictEqual(status, accepted) };
    return this.#compared.differ;
  }

  #tell(): void {
    if (this.#durable.accepted) this.#kubelet.sheet.accepted = this.#durable.accepted;
    this.#kubelet.sheet.setPod(this.#durable.pod, 'api');
    this.#kubelet.woken = true;
  }

  #sourcesReady(): void {
    this.#kubelet.sheet.sourcesReady = true;
    this.#kubelet.woken = true;
  }

  #gone(): void {
    this.#kubelet.sheet.setGone(undefined);
    this.#kubelet.woken = true;
  }

  #accept(): void {
    const status = this.#kubelet.last!.decision.status!;
    const d = this.#durable;
    const old = d.accepted?.phase;
    if ((old === 'Succeeded' || old === 'Failed') && status.phase !== old)
      throw new Error(`the Pod came back from ${old}`);
    const over = status.phase === 'Succeeded' || status.phase === 'Failed';
    if (over && this.#runtime.running().length > 0) throw new Error(`${status.phase} written while containers run`);
    if (over && old !== status.phase) this.#note(`status ${status.phase}`);
    d.accepted = status;
    d.pod = { ...d.pod, status };
    this.#kubelet.sheet.accepted = status;
    this.#kubelet.sheet.setPod(d.pod, 'api');
    this.#kubelet.woken = true;
  }

  #probeEvents(): Event[] {
    const k = this.#kubelet;
    const { initContainers = [], containers = [] } = k.sheet.pod?.spec ?? {};
    return [...initContainers, ...containers].flatMap((spec) => {
      const c = k.sheet.observation.pod?.containers.find((x) => x.name === spec.name);
      if (c?.state !== 'running' || !(spec.startupProbe || spec.readinessProbe || spec.livenessProbe)) return [];
      const known = k.sheet.probes[spec.name];
      if (known?.containerId === c.id && (known.ready || known.failed)) return [];
      return [{ weight: 1, name: `probes of ${c.id} pass`, run: () => this.#probe(spec.name, c.id, {}) }];
    });
  }

  #probe(name: string, containerId: string, failed: { failed?: 'liveness' | 'startup' }): void {
    const ok = failed.failed === undefined;
    const state = { containerId, started: ok, ready: ok, ...failed };
    this.#kubelet.sheet.probes = { ...this.#kubelet.sheet.probes, [name]: state };
    this.#kubelet.woken = true;
  }

  // ---- mishaps

  #mishapEvents(): Event[] {
    const k = this.#kubelet;
    const mishap = (weight: number, name: string, run: () => void): Event => ({
      weight,
      name: `! ${name}`,
      run: () => {
        this.#mishapsLeft--;
        run();
      },
    });
    const events = [
      mishap(0.15, 'kubelet killed', () => this.#crashKubelet()),
      mishap(0.1, 'an hour passes', () => this.#advance(this.#now.mono + 3_600_000)),
    ];
    for (const call of k.calls.values()) {
      const what = `${call.action.kind} ${call.action.slot}`;
      // A checkpoint that cannot be written is no reason to leave a hook out: then it may run twice.
      const mayFail = !call.applied && call.action.kind !== 'saveCheckpoint';
      if (mayFail) events.push(mishap(0.1, `${what} fails`, () => this.#fail(call, 'Internal', true)));
      if (remote.test(call.action.kind)) events.push(mishap(0.1, `${what} times out`, () => this.#timeOut(call)));
    }
    for (const c of this.#runtime.running()) {
      events.push(mishap(0.05, `${c.seen.id} crashes`, () => this.#runtime.crash(c, this.#random.pick(0, 1))));
      if (c.seen.state === 'running') events.push(mishap(0.03, `${c.seen.id} is lost`, () => this.#runtime.lose(c)));
      const spec = this.#durable.pod.spec?.containers.find((x) => x.name === c.seen.name);
      const which = spec?.livenessProbe ? 'liveness' : spec?.startupProbe ? 'startup' : undefined;
      if (which)
        events.push(
          mishap(0.1, `${which} of ${c.seen.id} fails`, () => this.#probe(c.seen.name, c.seen.id, { failed: which })),
        );
    }
    for (const s of this.#runtime.sandboxes.filter((x) => x.ready))
      events.push(mishap(0.08, `sandbox ${s.id} dies`, () => void this.#runtime.stopSandbox(s.id)));
    if (this.#durable.inApi && k.sheet.pod) events.push(...this.#wishes(mishap));
    return events;
  }

  #wishes(mishap: (weight: number, name: string, run: () => void) => Event): Event[] {
    const { metadata } = this.#durable.pod;
    const grace = this.#random.pick(0, 1, 5, 30);
    const shorter = metadata?.deletionGracePeriodSeconds === undefined || grace < metadata.deletionGracePeriodSeconds;
    return [
      ...(shorter ? [mishap(0.05, `deleted with grace ${grace}`, () => this.#delete(grace))] : []),
      mishap(0.02, 'deleted by force', () => {
        this.#durable.inApi = false;
      }),
      mishap(0.03, 'evicted', () => {
        this.#kubelet.sheet.addTermination({ cause: 'evicted', graceSeconds: grace, reason: 'Evicted', message: 'm' });
        this.#kubelet.woken = true;
      }),
      mishap(0.05, 'new image', () => this.#newImage()),
    ];
  }

  #timeOut(call: SimCall): void {
    if (!call.applied && this.#random.chance(0.7)) this.#ghosts.push({ ...call });
    this.#fail(call, 'DeadlineExceeded', false);
  }

  #crashKubelet(): void {
    for (const call of this.#kubelet.calls.values())
      if (remote.test(call.action.kind) && !call.applied && this.#random.chance(0.5)) this.#ghosts.push({ ...call });
    this.#kubelet = new SimKubelet(this.#durable);
  }

  #delete(grace: number): void {
    if (!this.#durable.inApi) return;
    const metadata = {
      ...this.#durable.pod.metadata,
      deletionTimestamp: new Date(this.#now.wall).toISOString(),
      deletionGracePeriodSeconds: grace,
    };
    this.#durable.pod = { ...this.#durable.pod, metadata };
    this.#note(`deletionTimestamp, grace ${grace}`);
    if (this.#kubelet.sheet.pod) this.#tell();
  }

  #newImage(): void {
    const { pod } = this.#durable;
    const containers = pod.spec!.containers.map((c, i) =>
      i === 0 ? { ...c, image: `img:${this.#random.int(1000)}` } : c,
    );
    this.#excused.add(containers[0]!.name);
    this.#durable.pod = { ...pod, spec: { ...pod.spec!, containers } };
    this.#tell();
  }

  // ---- the end

  /** Nothing is left to do: all runs that is to run, and what ended will not run again. */
  #content(): boolean {
    return this.#kubelet.last?.decision.reasons.every((r) => r.code === 'ContainerEnded') ?? false;
  }

  #settled(): boolean {
    const phase = this.#durable.accepted?.phase;
    return this.#over() || phase === 'Succeeded' || phase === 'Failed' || (this.#quiet() && this.#content());
  }

  #quiet(): boolean {
    const k = this.#kubelet;
    return k.calls.size === 0 && this.#ghosts.length === 0 && !k.read && !k.wantsRead && k.memory.phase === 'Active';
  }

  #expectGoodEnd(): void {
    const { initContainers = [], containers = [] } = this.#durable.pod.spec ?? {};
    if ([...initContainers, ...containers].some((c) => c.restartPolicyRules)) return;
    for (const c of this.#durable.pod.spec?.containers ?? []) {
      const policy = c.restartPolicy ?? this.#durable.pod.spec?.restartPolicy;
      if (policy !== 'Never' || this.#excused.has(c.name)) continue;
      if ((this.#runtime.starts[c.name] ?? 0) > 1)
        throw new Error(`${c.name} ran twice in spite of restartPolicy Never`);
    }
  }

  #over(): boolean {
    if (this.#durable.inApi) return false;
    if (this.#kubelet.done) return this.#ghosts.length === 0;
    // A kubelet that was started after everything was gone has nothing to work on.
    return this.#kubelet.sheet.pod === null && this.#runtime.empty() && this.#ghosts.length === 0;
  }

  #expectNothing(): void {
    if (!this.#runtime.empty()) {
      // A call that the runtime carried out after the Pod was over: the full list finds it, and a new worker ends it.
      this.#kubelet = new SimKubelet(this.#durable);
      this.#kubelet.sheet.sourcesReady = true;
      this.#live(() => this.#over());
    }
    if (this.#kubelet.done && this.#durable.mounted.size > 0) throw new Error('volumes are left');
  }
}
