// The state of the fake runtime. It outlives restarts of the server, as a real runtime's state does.
import { status } from '@grpc/grpc-js';
import type { Clock } from '../../lib/clock.ts';
import { RpcStatus } from '../../rpc/service.ts';
import type {
  ContainerConfigOut,
  ContainerEventType,
  ContainerState,
  LinuxContainerResourcesOut,
  PodSandboxConfigOut,
} from '../generated/runtime.ts';
import type { ContainerScript } from './scripts.ts';

/** A gRPC error that a handler of the fake answers with. */
export class FakeError extends RpcStatus {}

/** NotFound in containerd's words. */
export function notFound(what: 'sandbox' | 'container', id: string): FakeError {
  const named = what === 'container' ? `container "${id}"` : 'sandbox';
  return new FakeError(status.NOT_FOUND, `an error occurred when try to find ${named}: not found`);
}

export interface FakeSandbox {
  id: string;
  config: PodSandboxConfigOut;
  runtimeHandler: string;
  ready: boolean;
  createdAt: bigint;
  ip: string;
  additionalIps: string[];
}

export interface FakeContainer {
  id: string;
  sandboxId: string;
  config: ContainerConfigOut;
  /** The id of the image it was made from. */
  imageRef: string;
  logDirectory: string;
  script: ContainerScript;
  state: ContainerState;
  createdAt: bigint;
  startedAt: bigint;
  finishedAt: bigint;
  exitCode: number;
  reason: string;
  message: string;
  resources: LinuxContainerResourcesOut | null;
  /** Signals that arrived, in order. */
  signals: string[];
  /** Called once each when the container exits. */
  waiters: Set<() => void>;
}

export interface FakeEvent {
  containerId: string;
  type: ContainerEventType;
  sandboxId: string;
  createdAt: bigint;
}

/** Sandboxes, containers, ids, time and timers; `stopTimers` leaves none behind. */
export class World {
  readonly clock: Clock;
  readonly sandboxes = new Map<string, FakeSandbox>();
  readonly containers = new Map<string, FakeContainer>();
  /** Ended containers whose task bars their removal. */
  readonly leftTasks = new Set<string>();
  onEvent: (event: FakeEvent) => void = () => {};
  #timers = new Set<Disposable>();
  #stopped = false;
  #ids = 0;
  #lastNs = 0n;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Wall-clock nanoseconds, never twice the same. */
  now(): bigint {
    const ns = BigInt(Math.round(this.clock.now().wall * 1000)) * 1000n;
    this.#lastNs = ns > this.#lastNs ? ns : this.#lastNs + 1000n;
    return this.#lastNs;
  }

  /** A new id of 64 hexadecimal digits, like a real runtime's. */
  newId(): string {
    this.#ids += 1;
    return this.#ids.toString(16).padStart(12, '0').padEnd(64, 'f');
  }

  nextIp(): string {
    this.#ids += 1;
    return `10.244.${(this.#ids >> 8) & 255}.${this.#ids & 255}`;
  }

  /** Calls `fn` after `ms`; never once the world's timers are stopped. */
  after(ms: number, fn: () => void): Disposable {
    if (this.#stopped) return { [Symbol.dispose]() {} };
    const timer = this.clock.setTimer(ms, () => {
      this.#timers.delete(timer);
      fn();
    });
    this.#timers.add(timer);
    return timer;
  }

  stopTimers(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers.clear();
  }

  sandbox(id: string): FakeSandbox {
    const found = this.sandboxes.get(id);
    if (!found) throw notFound('sandbox', id);
    return found;
  }

  container(id: string): FakeContainer {
    const found = this.containers.get(id);
    if (!found) throw notFound('container', id);
    return found;
  }

  containersOf(sandboxId: string): FakeContainer[] {
    return [...this.containers.values()].filter((c) => c.sandboxId === sandboxId);
  }

  emit(type: ContainerEventType, containerId: string, sandboxId: string): void {
    this.onEvent({ containerId, type, sandboxId, createdAt: this.now() });
  }
}

/** Whether `labels` hold every pair of `selector`. */
export function selected(labels: Record<string, string>, selector: Record<string, string> | undefined): boolean {
  return Object.entries(selector ?? {}).every(([key, value]) => labels[key] === value);
}
