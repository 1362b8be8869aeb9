// Starts CSI drivers on the lab's node, and does the work of an external attacher.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { inside } from '../../hack/cluster/service.ts';
import { repoRoot } from '../../hack/lib/paths.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import type { VolumeAttachment } from '../../src/types/k8s.ts';
import { patience } from './collection.ts';
import type { TestContext } from './test.ts';

/** A call that reached the driver, or what the kubelet told it (`Notify`). */
export interface DriverCall {
  readonly method: string;
  readonly request: Readonly<Record<string, unknown>>;
}

/** A driver that runs on the node. Disposing ends it and removes what it had served on. */
export class CsiDriverProcess implements AsyncDisposable {
  readonly name: string;
  readonly calls: DriverCall[] = [];
  readonly #t: TestContext;
  #child: ChildProcess | undefined;
  #errors = '';

  constructor(t: TestContext, name: string) {
    this.#t = t;
    this.name = name;
  }

  /** Where the files of a volume are. */
  dataOf(volumeId: string): string {
    return path.join(this.#t.directory, 'csi', volumeId);
  }

  /** Starts it, or again after `kill`; resolves when the kubelet has taken it. */
  async start(): Promise<this> {
    const { lab, directory } = this.#t;
    const program = path.join(repoRoot, 'e2e/lib/csiDriverProgram.ts');
    const args = [this.name, '/var/lib/kubelet', path.join(directory, 'csi')];
    const [command = '', ...argv] = inside(lab.cluster, 'node', [process.execPath, program, ...args]);
    const child = spawn(command, argv, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => this.calls.push(JSON.parse(line) as DriverCall));
    child.stderr.on('data', (chunk) => {
      this.#errors += chunk;
    });
    const before = this.count('Notify');
    await this.until('to be registered', () => this.count('Notify') > before);
    assert.deepEqual(this.of('Notify').at(-1)?.request, { pluginRegistered: true, error: '' });
    return this;
  }

  count(method: string): number {
    return this.of(method).length;
  }

  of(method: string): DriverCall[] {
    return this.calls.filter((call) => call.method === method);
  }

  /** `hang METHOD`, `refuse METHOD` or `heal`, from the next call on. */
  async tell(line: string): Promise<void> {
    const before = this.count('Told');
    this.#child?.stdin?.write(`${line}\n`);
    await this.until(`to have heard "${line}"`, () => this.count('Told') > before);
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
    const root = '/var/lib/kubelet';
    await this.#t.lab.onNode(
      'rm',
      '-rf',
      `${root}/plugins_registry/${this.name}-reg.sock`,
      `${root}/plugins/${this.name}`,
    );
  }

  /** The Pods of the test go first, also after a failure: without their driver they could not. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { lab, namespace } = this.#t;
    const pods = () => lab.pods.all().filter(({ metadata }) => metadata?.namespace === namespace);
    if (pods().length > 0) {
      await (this.#child ? this.tell('heal') : this.start());
      for (const { metadata } of pods()) await lab.api.remove(`/api/v1/namespaces/${namespace}/pods/${metadata?.name}`);
      await lab.pods.until(`the Pods of the driver ${this.name} to be gone`, () => pods().length === 0);
    }
    await this.leave();
  }
}

/** Marks every VolumeAttachment of the driver as attached, until disposed: what external-attacher does with a driver that attaches nothing. */
export function attacher(t: TestContext, driver: string): AsyncDisposable {
  const ended = new AbortController();
  const url = '/apis/storage.k8s.io/v1/volumeattachments';
  const run = async () => {
    while (!ended.signal.aborted) {
      const { items } = await t.lab.api.get<{ items: VolumeAttachment[] }>(url);
      for (const { metadata, spec, status } of items) {
        if (spec.attacher !== driver || status?.attached || metadata?.deletionTimestamp) continue;
        const body = { status: { attached: true, attachmentMetadata: { device: metadata?.name ?? '' } } };
        await t.lab.api.patch(`${url}/${metadata?.name}/status`, body).catch(() => {}); // gone meanwhile
      }
      await delay(100, undefined, { signal: ended.signal }).catch(() => {});
    }
  };
  const running = run();
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await running;
    },
  };
}
