// A driver that runs as a program of the lab's node: it prints its calls as lines of JSON and registers at the kubelet by a socket.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { inside } from '../../hack/cluster/service.ts';
import { repoRoot } from '../../hack/lib/paths.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { patience } from './collection.ts';
import type { TestContext } from './test.ts';

/** The kubelet's directory, as the node has it. */
export const kubeletRoot = '/var/lib/kubelet';

/** A call that reached the driver, or what the kubelet told it (`Notify`). */
export interface DriverCall {
  readonly method: string;
  readonly request: Readonly<Record<string, unknown>>;
}

/** Disposing ends the driver and removes what it made; a subclass says what that is. */
export abstract class DriverProcess implements AsyncDisposable {
  readonly name: string;
  readonly calls: DriverCall[] = [];
  protected readonly t: TestContext;
  #child: ChildProcess | undefined;
  #errors = '';

  constructor(t: TestContext, name: string) {
    this.t = t;
    this.name = name;
  }

  /** The program, a file of this directory, and what it is told on its command line. */
  protected abstract command(): readonly [file: string, ...args: string[]];

  abstract [Symbol.asyncDispose](): Promise<void>;

  /** Starts it, or again after `kill`; resolves when the kubelet has taken it. When that fails, nothing of it is left. */
  async start(): Promise<this> {
    const before = this.count('Notify');
    this.#child = this.#spawn();
    try {
      await this.until('to be registered', () => this.count('Notify') > before);
      assert.deepEqual(this.of('Notify').at(-1)?.request, { pluginRegistered: true, error: '' });
    } catch (error) {
      await this.leave().catch(() => {}); // why it did not start is what has to be told
      throw error;
    }
    return this;
  }

  /** Whether it has been started and has not ended, by itself or by `kill`. */
  protected get runs(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  of(method: string): DriverCall[] {
    return this.calls.filter((call) => call.method === method);
  }

  count(method: string): number {
    return this.of(method).length;
  }

  /** What its program does from the next call on: `hang METHOD`, `heal` and what else it knows. */
  async tell(line: string): Promise<void> {
    const before = this.count('Told');
    this.#child?.stdin?.write(`${line}\n`);
    await this.until(`to have heard "${line}"`, () => this.count('Told') > before);
  }

  /** Ends it as a crash does: its sockets stay. */
  async kill(): Promise<void> {
    const child = this.#child;
    const ran = this.runs;
    this.#child = undefined;
    if (!child || !ran) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    try {
      await waitFor('', { timeout: patience, interval: 20 }, () => {
        if (condition()) return true;
        if (this.#child && !this.runs) throw new Error('it ended');
        return false;
      });
    } catch (error) {
      const calls = this.calls.map(({ method }) => method).join(', ');
      throw new Error(
        `the driver ${this.name} was ${what}: ${(error as Error).message}; calls: ${calls}; errors: ${this.#errors}`,
      );
    }
  }

  /** Takes its sockets away, as its Pod's end does. */
  async leave(): Promise<void> {
    await this.kill();
    const sockets = [`${kubeletRoot}/plugins_registry/${this.name}-reg.sock`, `${kubeletRoot}/plugins/${this.name}`];
    await this.t.lab.onNode('rm', '-rf', ...sockets);
  }

  /** What goes wrong with it is kept for `until` to tell: an error event that nobody hears would end the whole run. */
  #spawn(): ChildProcess {
    const [file, ...args] = this.command();
    const argv = [process.execPath, path.join(repoRoot, 'e2e/lib', file), ...args];
    const [command = '', ...rest] = inside(this.t.lab.cluster, 'node', argv);
    const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
    const note = (what: unknown): void => {
      this.#errors += what;
    };
    createInterface({ input: child.stdout }).on('line', (line) => {
      try {
        this.calls.push(JSON.parse(line) as DriverCall);
      } catch {
        note(`it printed ${line}\n`); // a line that a kill cut short
      }
    });
    child.stderr.on('data', note);
    child.stdin.on('error', (error) => note(`its input: ${error.message}\n`));
    child.on('error', (error) => note(`it did not start: ${error.message}\n`));
    return child;
  }
}
