// Scripted faults of the fake runtime, and the record of all calls.
import { status } from '@grpc/grpc-js';
import { disposable } from '../../lib/disposables.ts';
import type { World } from './world.ts';
import { FakeError } from './world.ts';

/** What goes wrong with a call. */
export type Fault =
  /** Carried out and answered late. */
  | { kind: 'delay'; ms: number }
  /** Not carried out; answered with an error. */
  | { kind: 'fail'; code: status; message?: string }
  /** Nothing happens until `release()`; then it is carried out, whether or not anybody still waits. */
  | { kind: 'hang' }
  /** Carried out, but answered with an error (Unavailable by default): nobody saw it happen. */
  | { kind: 'unobserved'; code?: status; message?: string }
  /** Carried out; then all connections break, so that no answer arrives. */
  | { kind: 'drop' };

/** One fault as injected. Disposing takes it away; calls that hang in it go on. */
export interface FaultHandle extends Disposable {
  /** How many calls it has met. */
  readonly hits: number;
  /** Lets calls that hang go on, now and in future. */
  release(): void;
}

export interface RecordedCall {
  method: string;
  request: object;
  /** Monotonic milliseconds of the fake's clock. */
  at: number;
  /** Milliseconds that the caller gave when the call arrived; Infinity: no deadline. */
  timeoutMs: number;
  /** Whether an answer was given, and which; undefined while under way. */
  outcome: 'ok' | 'error' | undefined;
}

interface Injected {
  method: string;
  fault: Fault;
  left: number;
  when: ((request: object) => boolean) | undefined;
  hits: number;
  released: boolean;
  waiting: Set<() => void>;
}

/** Faults by method, in the order injected; each call meets at most one. */
export class Faults {
  readonly #world: World;
  readonly #dropConnections: () => void;
  #injected: Injected[] = [];

  constructor(world: World, dropConnections: () => void) {
    this.#world = world;
    this.#dropConnections = dropConnections;
  }

  /** Injects `fault` into the next `times` (default 1) calls of `method` (`*`: any) for which `when` holds. */
  inject(method: string, fault: Fault, times = 1, when?: (request: object) => boolean): FaultHandle {
    const entry: Injected = { method, fault, left: times, when, hits: 0, released: false, waiting: new Set() };
    this.#injected.push(entry);
    const release = () => {
      entry.released = true;
      for (const go of entry.waiting) go();
      entry.waiting.clear();
    };
    const remove = disposable(() => {
      this.#injected = this.#injected.filter((e) => e !== entry);
      release();
    });
    return {
      get hits() {
        return entry.hits;
      },
      release,
      [Symbol.dispose]: () => remove[Symbol.dispose](),
    };
  }

  /** Takes all faults away; calls that hang go on. */
  clear(): void {
    const all = this.#injected;
    this.#injected = [];
    for (const entry of all) {
      entry.released = true;
      for (const go of entry.waiting) go();
    }
  }

  /** Runs `work` for one call, with the fault that is due for it. */
  async around<T>(method: string, request: object, work: () => T | Promise<T>): Promise<T> {
    const entry = this.#due(method, request);
    if (!entry) return work();
    const { fault } = entry;
    switch (fault.kind) {
      case 'fail':
        throw new FakeError(fault.code, fault.message ?? `${method} fails as scripted`);
      case 'delay':
        await new Promise<void>((resolve) => this.#world.after(fault.ms, resolve));
        return work();
      case 'hang':
        if (!entry.released) await new Promise<void>((resolve) => entry.waiting.add(resolve));
        return work();
      case 'unobserved':
        await work();
        throw new FakeError(fault.code ?? status.UNAVAILABLE, fault.message ?? 'the connection broke as scripted');
      case 'drop': {
        const result = await work();
        this.#dropConnections();
        return result;
      }
    }
  }

  #due(method: string, request: object): Injected | undefined {
    const entry = this.#injected.find(
      (e) => e.left > 0 && (e.method === '*' || e.method === method) && (e.when?.(request) ?? true),
    );
    if (entry) {
      entry.left -= 1;
      entry.hits += 1;
    }
    return entry;
  }
}
