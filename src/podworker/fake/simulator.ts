import type { Container } from '../../types/k8s.ts';
import { type SimCall, SimKubelet } from './sim/kubelet.ts';
import { type Event, remote, SimulatedLife } from './sim/life.ts';

/**
 * One random life of one Pod: `decide` against a model of the runtime, with faults of every kind in random order. No I/O and
 * no real time: the seed alone decides. After a while the world turns calm; then the Pod must become Ready or end, and after
 * its deletion nothing may be left.
 */
export class Simulation extends SimulatedLife {
  /** Runs to the end. Throws an error that tells what broke, with the way there. */
  run(): void {
    try {
      this.live(() => this.mishapsLeft === 0);
      this.calm();
      this.live(() => this.settled());
      this.expectGoodEnd();
      this.delete(this.random.pick(0, 1, 5));
      this.live(() => this.over());
      this.expectNothing();
    } catch (error) {
      const record = JSON.stringify(this.kubelet.last);
      throw new Error(`${(error as Error).message}\n${this.trace.join('\n')}\nlast decision: ${record}`);
    }
  }

  protected calm(): void {
    this.runtime.calm = true;
    this.note('calm');
  }

  // ---- mishaps

  protected override mishapEvents(): Event[] {
    const k = this.kubelet;
    const mishap = (weight: number, name: string, run: () => void): Event => ({
      weight,
      name: `! ${name}`,
      run: () => {
        this.mishapsLeft--;
        run();
      },
    });
    const events = [
      mishap(0.15, 'kubelet killed', () => this.crashKubelet()),
      mishap(0.1, 'an hour passes', () => this.advance(this.now.mono + 3_600_000)),
    ];
    for (const call of k.calls.values()) {
      const what = `${call.action.kind} ${call.action.slot}`;
      // A checkpoint that cannot be written is no reason to leave a hook out: then it may run twice.
      const mayFail = !call.applied && call.action.kind !== 'saveCheckpoint';
      if (mayFail) events.push(mishap(0.1, `${what} fails`, () => this.fail(call, 'Internal', true)));
      if (remote.test(call.action.kind)) events.push(mishap(0.1, `${what} times out`, () => this.timeOut(call)));
    }
    for (const c of this.runtime.running()) {
      events.push(mishap(0.05, `${c.seen.id} crashes`, () => this.runtime.crash(c, this.random.pick(0, 1))));
      if (c.seen.state === 'running') events.push(mishap(0.03, `${c.seen.id} is lost`, () => this.runtime.lose(c)));
      const spec = this.durable.pod.spec?.containers.find((x) => x.name === c.seen.name);
      const which = spec?.livenessProbe ? 'liveness' : spec?.startupProbe ? 'startup' : undefined;
      if (which)
        events.push(
          mishap(0.1, `${which} of ${c.seen.id} fails`, () => this.probe(c.seen.name, c.seen.id, { failed: which })),
        );
    }
    for (const s of this.runtime.sandboxes.filter((x) => x.ready))
      events.push(mishap(0.08, `sandbox ${s.id} dies`, () => void this.runtime.stopSandbox(s.id)));
    if (this.durable.inApi && k.sheet.pod) events.push(...this.wishes(mishap));
    return events;
  }

  protected wishes(mishap: (weight: number, name: string, run: () => void) => Event): Event[] {
    const { metadata } = this.durable.pod;
    const grace = this.random.pick(0, 1, 5, 30);
    const shorter = metadata?.deletionGracePeriodSeconds === undefined || grace < metadata.deletionGracePeriodSeconds;
    return [
      ...(shorter ? [mishap(0.05, `deleted with grace ${grace}`, () => this.delete(grace))] : []),
      mishap(0.02, 'deleted by force', () => {
        this.durable.inApi = false;
      }),
      mishap(0.03, 'evicted', () => {
        this.kubelet.sheet.addTermination({ cause: 'evicted', graceSeconds: grace, reason: 'Evicted', message: 'm' });
        this.kubelet.woken = true;
      }),
      mishap(0.05, 'new image', () => this.newImage()),
    ];
  }

  protected timeOut(call: SimCall): void {
    if (!call.applied && this.random.chance(0.7)) this.ghosts.push({ ...call });
    this.fail(call, 'DeadlineExceeded', false);
  }

  protected crashKubelet(): void {
    for (const call of this.kubelet.calls.values())
      if (remote.test(call.action.kind) && !call.applied && this.random.chance(0.5)) this.ghosts.push({ ...call });
    this.kubelet = new SimKubelet(this.durable);
  }

  protected delete(grace: number): void {
    if (!this.durable.inApi) return;
    const metadata = {
      ...this.durable.pod.metadata,
      deletionTimestamp: new Date(this.now.wall).toISOString(),
      deletionGracePeriodSeconds: grace,
    };
    this.durable.pod = { ...this.durable.pod, metadata };
    this.note(`deletionTimestamp, grace ${grace}`);
    if (this.kubelet.sheet.pod) this.tell();
  }

  protected newImage(): void {
    const { pod } = this.durable;
    const { containers, initContainers } = pod.spec!;
    const { name } = this.random.pick(...containers, ...(initContainers ?? []));
    const image = `img:${this.random.int(1000)}`;
    const change = (list: readonly Container[]): Container[] =>
      list.map((c) => (c.name === name ? { ...c, image } : c));
    this.excused.add(name);
    const changed = {
      containers: change(containers),
      ...(initContainers && { initContainers: change(initContainers) }),
    };
    this.durable.pod = { ...pod, spec: { ...pod.spec!, ...changed } };
    this.tell();
  }

  // ---- the end

  /** Nothing is left to do: all runs that is to run, and what ended will not run again. */
  protected content(): boolean {
    return this.kubelet.last?.decision.reasons.every((r) => r.code === 'ContainerEnded') ?? false;
  }

  protected settled(): boolean {
    const phase = this.durable.accepted?.phase;
    return this.over() || phase === 'Succeeded' || phase === 'Failed' || (this.quiet() && this.content());
  }

  protected quiet(): boolean {
    const k = this.kubelet;
    return k.calls.size === 0 && this.ghosts.length === 0 && !k.read && !k.wantsRead && k.memory.phase === 'Active';
  }

  protected expectGoodEnd(): void {
    const { initContainers = [], containers = [] } = this.durable.pod.spec ?? {};
    if ([...initContainers, ...containers].some((c) => c.restartPolicyRules)) return;
    for (const c of this.durable.pod.spec?.containers ?? []) {
      const policy = c.restartPolicy ?? this.durable.pod.spec?.restartPolicy;
      if (policy !== 'Never' || this.excused.has(c.name)) continue;
      if ((this.runtime.starts[c.name] ?? 0) > 1)
        throw new Error(`${c.name} ran twice in spite of restartPolicy Never`);
    }
  }

  protected over(): boolean {
    if (this.durable.inApi) return false;
    if (this.kubelet.done) return this.ghosts.length === 0;
    // A kubelet that was started after everything was gone has nothing to work on.
    return this.kubelet.sheet.pod === null && this.runtime.empty() && this.ghosts.length === 0;
  }

  protected expectNothing(): void {
    if (!this.runtime.empty()) {
      // A call that the runtime carried out after the Pod was over: the full list finds it, and a new worker ends it.
      this.kubelet = new SimKubelet(this.durable);
      this.kubelet.sheet.sourcesReady = true;
      this.live(() => this.over());
    }
    if (this.kubelet.done && this.durable.mounted.size > 0) throw new Error('volumes are left');
  }
}
