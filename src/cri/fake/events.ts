// The event stream of the fake runtime, with containerd's backlog: what nobody read is delivered to the next stream first.
import type { ReplyStream } from '../../rpc/service.ts';
import type { ContainerEventResponse } from '../generated/runtime.ts';
import { containerStatus } from './containers.ts';
import { sandboxStatus } from './sandboxes.ts';
import type { FakeEvent, World } from './world.ts';

const BACKLOG_LIMIT = 1000;
interface Stream {
  write(message: object): void;
  end(): void;
}

/** Collects the world's events and hands them to open streams. */
export class FakeEvents {
  readonly #world: World;
  readonly #streams = new Set<Stream>();
  #backlog: ContainerEventResponse[] = [];

  constructor(world: World) {
    this.#world = world;
    world.onEvent = (event) => this.#publish(event);
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  /** Sends what happens from now on, and what nobody has read yet; settles when the stream is over. */
  async serve(out: ReplyStream<object>, signal: AbortSignal): Promise<void> {
    const over = Promise.withResolvers<void>();
    const stream: Stream = { write: (message) => void out.send(message).catch(() => {}), end: over.resolve };
    this.#streams.add(stream);
    signal.addEventListener('abort', stream.end);
    if (signal.aborted) stream.end();
    for (const event of this.#backlog) stream.write(event);
    this.#backlog = [];
    await over.promise;
    this.#streams.delete(stream);
  }

  /** Ends all streams in order, as a runtime does that shuts down. */
  endStreams(): void {
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
  }

  #publish(event: FakeEvent): void {
    const message = this.#message(event);
    for (const stream of this.#streams) stream.write(message);
    if (this.#streams.size > 0) return;
    this.#backlog.push(message);
    if (this.#backlog.length > BACKLOG_LIMIT) this.#backlog.shift();
  }

  #message(event: FakeEvent): ContainerEventResponse {
    const sandbox = this.#world.sandboxes.get(event.sandboxId);
    return {
      containerId: event.containerId,
      containerEventType: event.type,
      createdAt: event.createdAt,
      podSandboxStatus: sandbox ? sandboxStatus(sandbox) : null,
      containersStatuses: this.#world.containersOf(event.sandboxId).map(containerStatus),
    };
  }
}
