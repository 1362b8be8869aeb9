// Starts a DRA driver on the lab's node, and publishes what it has.
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

const API = '/apis/resource.k8s.io/v1';
const ROOT = '/var/lib/kubelet';
const CDI = '/var/run/cdi';

/** A call that reached the driver, one for each claim, or what the kubelet told it (`Notify`). */
export interface DraCall {
  readonly method: string;
  readonly request: Readonly<Record<string, unknown>>;
}

/** A driver that runs on the node, with its DeviceClass. Disposing ends it and removes what it made on the node and in the cluster. */
export class DraDriverProcess implements AsyncDisposable {
  readonly name: string;
  readonly calls: DraCall[] = [];
  readonly #t: TestContext;
  #child: ChildProcess | undefined;
  #errors = '';

  constructor(t: TestContext, name: string) {
    this.#t = t;
    this.name = name;
  }

  /** Starts it, or again after `kill`; resolves when the kubelet has taken it. */
  async start(): Promise<this> {
    const program = path.join(repoRoot, 'e2e/lib/draDriverProgram.ts');
    const args = [process.execPath, program, this.name, ROOT, CDI];
    const [command = '', ...argv] = inside(this.#t.lab.cluster, 'node', args);
    const child = spawn(command, argv, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => this.calls.push(JSON.parse(line) as DraCall));
    child.stderr.on('data', (chunk) => {
      this.#errors += chunk;
    });
    const before = this.of('Notify').length;
    await this.until('to be registered', () => this.of('Notify').length > before);
    assert.deepEqual(this.of('Notify').at(-1)?.request, { pluginRegistered: true, error: '' });
    return this;
  }

  /** Its DeviceClass. */
  async publishClass(): Promise<void> {
    const selectors = [{ cel: { expression: `device.driver == "${this.name}"` } }];
    await this.#t.lab.api.create(`${API}/deviceclasses`, { metadata: { name: this.name }, spec: { selectors } });
  }

  /** So many devices on this node, as a driver publishes them. */
  async publish(count: number): Promise<void> {
    const { api, node } = this.#t.lab;
    const devices = Array.from({ length: count }, (_, i) => ({ name: `device-${i}` }));
    const pool = { name: node, generation: 1, resourceSliceCount: 1 };
    await api.create(`${API}/resourceslices`, {
      metadata: { name: this.name },
      spec: { driver: this.name, nodeName: node, pool, devices },
    });
  }

  /** Whether what it published is still there. */
  async isPublished(): Promise<boolean> {
    return (await this.#t.lab.api.find(`${API}/resourceslices/${this.name}`)) !== undefined;
  }

  of(method: string): DraCall[] {
    return this.calls.filter((call) => call.method === method);
  }

  /** Names of the claims that it was asked for by a method, in order. */
  claims(method: 'NodePrepareResources' | 'NodeUnprepareResources'): unknown[] {
    return this.of(method).map(({ request }) => request.name);
  }

  /** `hang METHOD` or `heal`, from the next call on. */
  async tell(line: string): Promise<void> {
    const before = this.of('Told').length;
    this.#child?.stdin?.write(`${line}\n`);
    await this.until(`to have heard "${line}"`, () => this.of('Told').length > before);
  }

  /** Ends it as a crash does: its sockets stay. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    try {
      await waitFor('', { timeout: patience, interval: 20 }, condition);
    } catch {
      const calls = this.calls.map(({ method }) => method).join(', ');
      throw new Error(`the driver ${this.name} was ${what} and never was; calls: ${calls}; errors: ${this.#errors}`);
    }
  }

  /** Takes its sockets away, as its Pod's end does. */
  async leave(): Promise<void> {
    await this.kill();
    const sockets = [`${ROOT}/plugins_registry/${this.name}-reg.sock`, `${ROOT}/plugins/${this.name}`];
    await this.#t.lab.onNode('rm', '-rf', ...sockets);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
    await this.#t.lab.onNode('sh', '-c', `rm -f ${CDI}/${this.name}-*.json`);
    for (const url of [`${API}/resourceslices/${this.name}`, `${API}/deviceclasses/${this.name}`])
      await this.#t.lab.api.remove(url).catch(() => {});
  }
}
