// What happens to a fake container's process: start, own end, signals, removal.
import { lstatSync, writeFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { appendLog } from './logs.ts';
import type { FakeContainer, World } from './world.ts';
import { FakeError } from './world.ts';

const SIGKILL_EXIT = 137;

/** Moves containers through created → running → exited. */
export class ContainerLife {
  readonly #world: World;
  readonly #writeLogs: boolean;

  constructor(world: World, writeLogs: boolean) {
    this.#world = world;
    this.#writeLogs = writeLogs;
  }

  start(c: FakeContainer): void {
    if (c.state !== 'CONTAINER_CREATED') {
      throw new FakeError(status.UNKNOWN, `container is in ${c.state} state, it can only be started once`);
    }
    c.startedAt = this.#world.now();
    if (c.script.startError !== undefined) {
      this.exit(c, 128, 'StartError', c.script.startError);
      throw new FakeError(status.UNKNOWN, c.script.startError);
    }
    c.state = 'CONTAINER_RUNNING';
    this.#world.emit('CONTAINER_STARTED_EVENT', c.id, c.sandboxId);
    if (this.#writeLogs) {
      appendLog(c, 'stdout', c.script.stdout ?? [], this.#world.now());
      appendLog(c, 'stderr', c.script.stderr ?? [], this.#world.now());
    }
    const { runMs, exitCode = 0, reason } = c.script;
    if (runMs !== undefined) this.#world.after(runMs, () => this.exit(c, exitCode, reason));
  }

  /** SIGTERM now, SIGKILL after `graceMs`; resolves when the process is gone. */
  async stop(c: FakeContainer, graceMs: number, signal: AbortSignal): Promise<void> {
    if (c.state !== 'CONTAINER_RUNNING') return;
    c.signals.push('SIGTERM');
    if (!c.script.ignoreSigterm) {
      const exitCode = c.script.sigtermExitCode ?? 143;
      this.#world.after(c.script.sigtermMs ?? 0, () => this.exit(c, exitCode));
    }
    // As containerd does, a cancelled request takes its pending SIGKILL with it.
    const killer = this.#world.after(graceMs, () => this.kill(c));
    await new Promise<void>((resolve, reject) => {
      const cancelled = () => {
        c.waiters.delete(exited);
        reject(new FakeError(status.CANCELLED, `wait container "${c.id}": context canceled`));
      };
      const exited = () => {
        signal.removeEventListener('abort', cancelled);
        resolve();
      };
      c.waiters.add(exited);
      signal.addEventListener('abort', cancelled, { once: true });
    }).finally(() => killer[Symbol.dispose]());
  }

  kill(c: FakeContainer): void {
    if (c.state !== 'CONTAINER_RUNNING') return;
    c.signals.push('SIGKILL');
    this.exit(c, SIGKILL_EXIT);
  }

  /** The process ends with `exitCode`. */
  exit(c: FakeContainer, exitCode: number, reason?: string, message = ''): void {
    if (c.state === 'CONTAINER_EXITED' || !this.#world.containers.has(c.id)) return;
    c.state = 'CONTAINER_EXITED';
    c.finishedAt = this.#world.now();
    c.exitCode = exitCode;
    c.reason = reason ?? (exitCode === 0 ? 'Completed' : 'Error');
    c.message = message;
    writeTerminationMessage(c);
    for (const waiter of c.waiters) waiter();
    c.waiters.clear();
    this.#world.emit('CONTAINER_STOPPED_EVENT', c.id, c.sandboxId);
  }

  remove(c: FakeContainer): void {
    this.kill(c);
    this.#world.emit('CONTAINER_DELETED_EVENT', c.id, c.sandboxId);
    this.#world.containers.delete(c.id);
  }
}

function writeTerminationMessage(c: FakeContainer): void {
  const path = c.config.annotations['io.kubernetes.container.terminationMessagePath'];
  const mount = c.config.mounts.find((m) => m.containerPath === path);
  if (c.script.terminationMessage === undefined || !mount) return;
  if (lstatSync(mount.hostPath, { throwIfNoEntry: false })?.isFile()) {
    writeFileSync(mount.hostPath, c.script.terminationMessage);
  }
}
