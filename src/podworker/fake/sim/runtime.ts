import type { ObservedContainer, ObservedPod, ObservedSandbox } from '../../../cri/observed.ts';
import type { Random } from '../../../lib/fake/random.ts';
import type { Container, Pod } from '../../../types/k8s.ts';
import type { Now } from '../../rules/facts.ts';
import { containerHash } from '../../spec/containerHash.ts';

/** A container of the model runtime: what is seen of it, and what will become of it. Times are monotonic ms. */
export interface SimContainer {
  seen: ObservedContainer;
  /** Ends by itself then; absent: runs until it is stopped. */
  endsAt?: number;
  exitCode: number;
  /** Ms from SIGTERM to its exit. */
  readonly dyingMs: number;
  termAt?: number;
  killAt?: number;
  preStops: number;
}

/** A refusal of the model runtime, with a known outcome. */
export class SimError extends Error {}

const uid = 'u';

/**
 * One Pod in a model of the runtime: pure data, moved by calls and by time. It complains (`violations`) when it is asked for
 * something that no correct kubelet asks for.
 */
export class SimRuntime {
  readonly violations: string[] = [];
  sandboxes: ObservedSandbox[] = [];
  containers: SimContainer[] = [];
  /** No container fails any more. */
  calm = false;
  /** Number of the read sent last. */
  seq = 0;
  /** Made or started by a call whose outcome the kubelet was not told: nobody can be blamed for not knowing of it. */
  readonly unknown = new Set<string>();
  /** Real starts by container name. */
  readonly starts: Record<string, number> = {};
  readonly #random: Random;
  readonly #now: () => Now;
  readonly #changed: () => void;
  #ids = 0;

  constructor(random: Random, now: () => Now, changed: () => void) {
    this.#random = random;
    this.#now = now;
    this.#changed = changed;
  }

  /** What a read that the runtime answers now shows. */
  read(seq: number): ObservedPod {
    const newest = (a: { createdAt: number; attempt: number }, b: { createdAt: number; attempt: number }) =>
      b.createdAt - a.createdAt || b.attempt - a.attempt;
    return {
      uid,
      name: 'p',
      namespace: 'ns',
      seq,
      sandboxes: [...this.sandboxes].sort(newest),
      containers: this.containers.map((c) => c.seen).sort(newest),
    };
  }

  running(): SimContainer[] {
    return this.containers.filter((c) => c.seen.state === 'running' || c.seen.state === 'unknown');
  }

  empty(): boolean {
    return this.sandboxes.length === 0 && this.containers.length === 0;
  }

  createSandbox(attempt: number, hostNetwork: boolean): ObservedSandbox {
    if (this.sandboxes.some((s) => s.attempt === attempt))
      throw new SimError(`sandbox name of attempt ${attempt} is reserved`);
    const sandbox: ObservedSandbox = {
      id: `s${this.#ids++}`,
      attempt,
      ready: true,
      createdAt: this.#now().wall,
      ips: hostNetwork ? [] : [`10.0.0.${attempt + 1}`],
      hostNetwork,
      runtimeHandler: '',
    };
    this.sandboxes.push(sandbox);
    this.#changed();
    return sandbox;
  }

  /** Also what a crash of the sandbox's own process does: everything in it dies. */
  stopSandbox(id: string): ObservedSandbox | undefined {
    for (const c of this.running()) if (c.seen.sandboxId === id) this.#exit(c, 137);
    this.sandboxes = this.sandboxes.map((s) => (s.id === id ? { ...s, ready: false } : s));
    this.#changed();
    return this.sandboxes.find((s) => s.id === id);
  }

  removeSandbox(id: string): void {
    if (this.containers.some((c) => c.seen.sandboxId === id && !this.unknown.has(c.seen.id)))
      this.violations.push(`sandbox ${id} removed over its containers`);
    if (!this.unknown.has(id) && this.sandboxes.find((s) => s.id === id)?.ready)
      this.violations.push(`sandbox ${id} removed without a stop`);
    this.sandboxes = this.sandboxes.filter((s) => s.id !== id);
    this.#changed();
  }

  createContainer(container: Container, sandboxId: string, attempt: number): ObservedContainer {
    if (!this.sandboxes.find((s) => s.id === sandboxId)?.ready)
      throw new SimError(`sandbox ${sandboxId} is not running`);
    const { name } = container;
    const twin = this.containers.some(
      (c) => c.seen.name === name && c.seen.attempt === attempt && c.seen.sandboxId === sandboxId,
    );
    if (twin) throw new SimError(`container name ${name}_${attempt} is reserved`);
    const seen: ObservedContainer = {
      id: `c${this.#ids++}-${name}`,
      sandboxId,
      name,
      attempt,
      state: 'created',
      createdAt: this.#now().wall,
      startedAt: 0,
      finishedAt: 0,
      exitCode: 0,
      reason: '',
      message: '',
      terminationMessage: '',
      image: container.image ?? '',
      imageRef: 'sha256:1',
      imageId: 'sha256:1',
      hash: containerHash(container),
      restartCount: attempt,
      annotations: {},
      logPath: '',
    };
    this.containers.push({ seen, exitCode: 0, dyingMs: this.#random.pick(0, 200, 2_000, 60_000), preStops: 0 });
    this.#changed();
    return seen;
  }

  startContainer(id: string, pod: Pod): ObservedContainer {
    const c = this.#get(id);
    if (c.seen.state !== 'created') throw new SimError(`container ${id} is ${c.seen.state}`);
    if (!this.sandboxes.find((s) => s.id === c.seen.sandboxId)?.ready) throw new SimError('its sandbox is not running');
    const twin = this.running().find((other) => other.seen.name === c.seen.name);
    if (twin) this.violations.push(`${id} started while ${twin.seen.id} runs`);
    this.#checkOrder(c, pod);
    const { mono, wall } = this.#now();
    this.starts[c.seen.name] = (this.starts[c.seen.name] ?? 0) + 1;
    c.seen = { ...c.seen, state: 'running', startedAt: wall };
    Object.assign(c, this.#fate(pod, c.seen.name, mono));
    this.#changed();
    return c.seen;
  }

  /** SIGTERM now, SIGKILL after `seconds`. */
  terminate(id: string, seconds: number): void {
    const c = this.containers.find((x) => x.seen.id === id);
    if (!c) return;
    const { mono } = this.#now();
    c.termAt ??= mono;
    c.killAt = Math.min(c.killAt ?? Number.POSITIVE_INFINITY, mono + seconds * 1000);
  }

  removeContainer(id: string): void {
    const c = this.containers.find((x) => x.seen.id === id);
    if (c && this.running().includes(c) && !this.unknown.has(id)) this.violations.push(`${id} removed while it runs`);
    this.containers = this.containers.filter((x) => x.seen.id !== id);
    this.#changed();
  }

  preStop(id: string): void {
    const c = this.containers.find((x) => x.seen.id === id);
    if (c && ++c.preStops > 1) this.violations.push(`preStop of ${id} ran ${c.preStops} times`);
  }

  /** Lets a running container end at once. */
  crash(c: SimContainer, exitCode: number): void {
    this.#exit(c, exitCode);
    this.#changed();
  }

  /** A shim that is lost: nobody knows whether it runs. */
  lose(c: SimContainer): void {
    c.seen = { ...c.seen, state: 'unknown' };
    this.#changed();
  }

  /** When the next container ends, mono ms. */
  nextEnd(): number {
    return Math.min(...this.running().map((c) => endOf(c)), Number.POSITIVE_INFINITY);
  }

  /** Ends whatever is due. */
  tick(): void {
    const { mono } = this.#now();
    for (const c of this.running()) {
      if (endOf(c) > mono) continue;
      const killed = c.killAt !== undefined && c.killAt <= mono && (c.endsAt ?? Number.POSITIVE_INFINITY) > mono;
      this.#exit(c, c.endsAt !== undefined && c.endsAt <= mono ? c.exitCode : killed ? 137 : 143);
      this.#changed();
    }
  }

  #exit(c: SimContainer, exitCode: number): void {
    c.seen = {
      ...c.seen,
      state: 'exited',
      exitCode,
      reason: exitCode === 0 ? 'Completed' : 'Error',
      finishedAt: this.#now().wall,
    };
  }

  #get(id: string): SimContainer {
    const c = this.containers.find((x) => x.seen.id === id);
    if (!c) throw new SimError(`container ${id} is not known`);
    return c;
  }

  #fate(pod: Pod, name: string, mono: number): { endsAt?: number; exitCode: number } {
    const random = this.#random;
    const init = pod.spec?.initContainers?.find((c) => c.name === name);
    const spec = init ?? pod.spec?.containers.find((c) => c.name === name);
    const failure = spec?.restartPolicyRules ? 42 : 1;
    if (init && init.restartPolicy !== 'Always')
      return { endsAt: mono + random.int(3_000), exitCode: this.calm || random.chance(0.8) ? 0 : failure };
    if (this.calm || random.chance(0.6)) return { exitCode: 0 };
    return { endsAt: mono + random.pick(0, 10, 5_000, 700_000), exitCode: random.pick(0, failure, 137) };
  }

  /** Init containers have done their work in this sandbox, and sidecars were started in it, before what comes after them. */
  #checkOrder(c: SimContainer, pod: Pod): void {
    for (const init of pod.spec?.initContainers ?? []) {
      if (init.name === c.seen.name) return;
      const mine = this.containers.filter((x) => x.seen.name === init.name && x.seen.sandboxId === c.seen.sandboxId);
      const up =
        init.restartPolicy === 'Always'
          ? mine.some((x) => x.seen.startedAt > 0)
          : mine.some((x) => x.seen.state === 'exited' && x.seen.exitCode === 0);
      if (!up) this.violations.push(`${c.seen.id} started before init container ${init.name} was done`);
    }
  }
}

function endOf(c: SimContainer): number {
  const never = Number.POSITIVE_INFINITY;
  return Math.min(c.endsAt ?? never, c.termAt === undefined ? never : c.termAt + c.dyingMs, c.killAt ?? never);
}
