// An in-process container runtime for tests: the runtime and image services of CRI on a unix socket, state in memory,
// behaviour and faults as scripted. No process is ever started.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import type { Clock } from '../../lib/clock.ts';
import { realClock } from '../../lib/clock.ts';
import type { ReplyStream, ServedCall } from '../../rpc/service.ts';
import { containerHandlers } from './containers.ts';
import { FakeEvents } from './events.ts';
import type { FakeExec } from './exec.ts';
import { execHandlers } from './exec.ts';
import type { RecordedCall } from './faults.ts';
import { Faults } from './faults.ts';
import type { AnyHandler } from './handlers.ts';
import { FakeImages, imageHandlers } from './images.ts';
import { ContainerLife } from './life.ts';
import type { FakeNode } from './node.ts';
import { nodeHandlers, readyNode } from './node.ts';
import { sandboxHandlers, stopSandbox } from './sandboxes.ts';
import { Scripts } from './scripts.ts';
import { FakeServer } from './server.ts';
import type { FakeUsage } from './stats.ts';
import { statsHandlers } from './stats.ts';
import type { FakeContainer, FakeSandbox } from './world.ts';
import { FakeError, World } from './world.ts';

export interface FakeCriOptions {
  /** Default: a socket in a new directory, removed at the end. */
  socketPath?: string;
  /** Drives everything that takes time in the fake. */
  clock?: Clock;
  /** Write CRI log files where the log directory exists. */
  writeLogs?: boolean;
}

/** The fake runtime. `startFakeCri` makes one that listens already. */
export class FakeCri implements AsyncDisposable {
  readonly socketPath: string;
  /** Every call, in the order received. */
  readonly calls: RecordedCall[] = [];
  readonly scripts = new Scripts();
  readonly node: FakeNode = readyNode();
  readonly usage = new Map<string, Partial<FakeUsage>>();
  readonly images: FakeImages;
  readonly faults: Faults;
  readonly events: FakeEvents;
  readonly world: World;
  /** Decides how ExecSync ends; replace it at will. */
  onExec: FakeExec = () => ({ exitCode: 0 });
  readonly #life: ContainerLife;
  readonly #server: FakeServer;
  readonly #handlers: Map<string, AnyHandler>;
  readonly #ownDirectory: string | undefined;

  constructor(options: FakeCriOptions = {}) {
    this.#ownDirectory = options.socketPath ? undefined : mkdtempSync(join(tmpdir(), 'cri-'));
    this.socketPath = options.socketPath ?? join(this.#ownDirectory as string, 's.sock');
    this.world = new World(options.clock ?? realClock);
    this.images = new FakeImages(this.world);
    this.events = new FakeEvents(this.world);
    this.#life = new ContainerLife(this.world, options.writeLogs ?? false);
    this.#server = new FakeServer(
      this.socketPath,
      (method, request, context) => this.#answer(method, request, context),
      (method, request, context, out) => this.#stream(method, request, context, out),
    );
    this.faults = new Faults(this.world, () => this.#server.dropConnections());
    const handlers = {
      ...nodeHandlers(this.node),
      ...sandboxHandlers(this.world, this.#life),
      ...containerHandlers(this.world, this.#life, this.images, this.scripts),
      ...execHandlers(this.world, (cmd, c) => this.onExec(cmd, c)),
      ...statsHandlers(this.world, this.usage),
      ...imageHandlers(this.world, this.images),
      ListStatuses: () => ({ statuses: this.images.transfers() }),
      Delete: ({ containerId: id }: { containerId: string }) => {
        this.world.leftTasks.delete(id);
        return { id };
      },
    };
    this.#handlers = new Map(Object.entries(handlers) as [string, AnyHandler][]);
  }

  get endpoint(): string {
    return `unix://${this.socketPath}`;
  }

  /** The calls of one method, in the order received. */
  callsTo(method: string): RecordedCall[] {
    return this.calls.filter((c) => c.method === method);
  }

  /** The containers of a name, oldest first, in any Pod. */
  containersNamed(name: string): FakeContainer[] {
    return [...this.world.containers.values()].filter((c) => c.config.metadata?.name === name);
  }

  /** The sandboxes of a Pod, oldest first. */
  sandboxesOf(podUid: string): FakeSandbox[] {
    return [...this.world.sandboxes.values()].filter((s) => s.config.metadata?.uid === podUid);
  }

  /** As containerd after a StartContainer that was cut off: the container has ended, but a task of it bars its removal. */
  leaveTask(containerId: string): void {
    this.world.leftTasks.add(containerId);
  }

  /** The container's process ends by itself, now. */
  exitContainer(containerId: string, exitCode: number, reason?: string): void {
    this.#life.exit(this.world.container(containerId), exitCode, reason);
  }

  /** The sandbox's process dies, and its containers with it. */
  killSandbox(podSandboxId: string): void {
    for (const c of this.world.containersOf(podSandboxId)) this.#life.kill(c);
    stopSandbox(this.world, this.world.sandbox(podSandboxId));
  }

  dropConnections(): void {
    this.#server.dropConnections();
  }

  /** Listens again after `down`; state is as it was left. */
  async up(): Promise<void> {
    await this.#server.up();
  }

  /** The socket vanishes; containers go on. */
  async down(): Promise<void> {
    await this.#server.down();
  }

  async restart(): Promise<void> {
    await this.down();
    await this.up();
  }

  /** Ends everything: no timer, no socket, no file is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.world.stopTimers();
    this.faults.clear();
    await this.down();
    if (this.#ownDirectory) rmSync(this.#ownDirectory, { recursive: true, force: true });
  }

  async #answer(method: string, request: object, { signal, timeoutMs }: ServedCall): Promise<object> {
    const handler = this.#handlers.get(method);
    const call = this.#recordCall(method, request, timeoutMs);
    try {
      const reply = await this.faults.around(method, request, () => {
        if (!handler) throw new FakeError(grpc.status.UNIMPLEMENTED, `unknown method ${method}`);
        return handler(request, { signal });
      });
      call.outcome = 'ok';
      return reply;
    } catch (error) {
      call.outcome = 'error';
      throw error;
    }
  }

  async #stream(
    method: string,
    request: object,
    { signal, timeoutMs }: ServedCall,
    out: ReplyStream<object>,
  ): Promise<void> {
    const call = this.#recordCall(method, request, timeoutMs);
    let served: Promise<void> | undefined;
    try {
      await this.faults.around(method, request, () => {
        if (method !== 'GetContainerEvents') throw new FakeError(grpc.status.UNIMPLEMENTED, `unknown method ${method}`);
        served = this.events.serve(out, signal);
      });
      call.outcome = 'ok';
    } catch (error) {
      call.outcome = 'error';
      throw error;
    }
    await served;
  }

  #recordCall(method: string, request: object, timeoutMs: number): RecordedCall {
    const call: RecordedCall = { method, request, at: this.world.clock.now().mono, timeoutMs, outcome: undefined };
    this.calls.push(call);
    return call;
  }
}

/** Starts a fake runtime and waits until it listens. */
export async function startFakeCri(options: FakeCriOptions = {}): Promise<FakeCri> {
  const fake = new FakeCri(options);
  await fake.up();
  return fake;
}
