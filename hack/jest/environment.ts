import type { EnvironmentContext, JestEnvironmentConfig } from '@jest/environment';
import type { Circus } from '@jest/types';
import { TestEnvironment } from 'jest-environment-node';
import { Timers } from './timers.ts';

interface Handle {
  destroy?(): void;
  close?(): void;
  kill?(): void;
  address?(): unknown;
  readonly remotePort?: number;
  readonly spawnargs?: readonly string[];
}

/**
 * Node's environment, in which a test file fails that leaves sockets, servers, processes or timers behind: they would keep a worker from
 * ending, and whoever counts such things in a later file of the same worker would count them too. What is unref'd may stay.
 */
export default class HonestEnvironment extends TestEnvironment {
  /** How long closing may take on a busy machine; a file that leaves nothing does not wait. */
  protected readonly closingMs: number = 10_000;
  readonly #file: string;
  readonly #timers = new Timers();
  #before: ReadonlySet<Handle> = new Set();
  /** A test that fails leaves what it was busy with: its own error is what matters, and a throw here would hide it. */
  #failed = false;

  constructor(config: JestEnvironmentConfig, context: EnvironmentContext) {
    super(config, context);
    this.#file = context.testPath;
  }

  override async setup(): Promise<void> {
    await super.setup();
    this.#timers.watch(this.global as unknown as typeof globalThis);
    this.#before = new Set(activeHandles());
  }

  handleTestEvent(event: Circus.Event): void {
    if (event.name === 'test_done' && event.test.errors.length > 0) this.#failed = true;
  }

  override async teardown(): Promise<void> {
    const end = performance.now() + (this.#failed ? 0 : this.closingMs);
    const left = () => activeHandles().filter((handle) => !this.#before.has(handle));
    const isClean = () => left().length === 0 && this.#timers.armed().length === 0;
    while (!isClean() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
    const things = [...left().map(describeHandle), ...this.#timers.armed().map(({ text }) => text)];
    for (const handle of left()) (handle.kill ?? handle.destroy ?? handle.close)?.call(handle);
    for (const { timer } of this.#timers.armed()) clearTimeout(timer);
    await super.teardown();
    if (things.length > 0 && !this.#failed)
      throw new Error(
        `${this.#file} leaves open, ${this.closingMs / 1000} s after its last test: close or end it where the test ends\n  ${things.join('\n  ')}`,
      );
  }
}

/** Node has no public list of what keeps it running that can be told apart. */
function activeHandles(): Handle[] {
  return (process as unknown as { _getActiveHandles(): Handle[] })._getActiveHandles();
}

function describeHandle(handle: Handle): string {
  const at = handle.address ? ` at ${JSON.stringify(handle.address())}` : '';
  const to = handle.remotePort === undefined ? '' : ` to port ${handle.remotePort}`;
  const program = handle.spawnargs ? `: ${handle.spawnargs.join(' ')}` : '';
  return `${handle.constructor.name}${at}${to}${program}`;
}
