import { type ChildProcess, spawn } from 'node:child_process';
import { KubeletError } from '../../errors.ts';

/** A delay lock: the machine waits with its shutdown, for as long as logind is configured to, until it is released. */
export interface ShutdownLock {
  /** Lets the machine go. Harmless a second time. */
  release(): void;
  /** Called once when the lock is lost without having been released. */
  onLost(listener: () => void): void;
}

/** How long the lock may take to come. */
const TAKE_MS = 10_000;
const HELD = 'held\n';
const ERROR_BYTES = 1024;

/**
 * Takes a delay lock through `program` (systemd-inhibit). The lock belongs to a child, which ends when its input does: also when this
 * process is killed, so that a machine is never held by nobody. Rejects with one sentence when the lock cannot be had.
 */
export function takeShutdownLock(program = 'systemd-inhibit'): Promise<ShutdownLock> {
  const who = ['--what=shutdown', '--who=kubelet', '--why=Kubelet needs time to handle node shutdown', '--mode=delay'];
  // systemd-inhibit starts its command once it has the lock.
  const command = ['sh', '-c', `printf '${HELD.trim()}\\n'; exec cat >/dev/null`];
  const child = spawn(program, [...who, ...command], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  return new Promise((resolve, reject) => {
    let said = '';
    let heard = '';
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(
        new KubeletError(`cannot take a shutdown lock with ${program}: ${why}`, {
          code: 'ShutdownLock',
        }),
      );
    };
    const timer = setTimeout(() => fail(`no lock within ${TAKE_MS} ms`), TAKE_MS);
    child.on('error', (error) => fail(error.message));
    child.stdin?.on('error', () => {});
    child.stderr?.on('data', (chunk: Buffer) => {
      if (said.length < ERROR_BYTES) said += chunk.toString();
    });
    const exited = () => fail(said.trim().slice(0, ERROR_BYTES) || 'it ended at once');
    child.once('exit', exited);
    child.stdout?.on('data', (chunk: Buffer) => {
      heard = (heard + chunk.toString()).slice(0, HELD.length);
      if (heard !== HELD) return;
      clearTimeout(timer);
      child.off('exit', exited);
      resolve(lockOf(child));
    });
  });
}

function lockOf(child: ChildProcess): ShutdownLock {
  let released = false;
  const listeners: (() => void)[] = [];
  let lost = child.exitCode !== null || child.signalCode !== null;
  child.once('exit', () => {
    if (released) return;
    lost = true;
    for (const listener of listeners.splice(0)) listener();
  });
  return {
    release() {
      released = true;
      child.stdin?.end();
    },
    onLost(listener) {
      if (lost) listener();
      else listeners.push(listener);
    },
  };
}
