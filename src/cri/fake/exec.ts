// Commands in containers of the fake runtime.
import { status } from '@grpc/grpc-js';
import type { RuntimeHandlers } from './handlers.ts';
import type { FakeContainer, World } from './world.ts';
import { FakeError } from './world.ts';

/** How a scripted command ends. */
export interface FakeExecResult {
  exitCode?: number;
  stdout?: string;
  stderr?: string;
  delayMs?: number;
}
export type FakeExec = (cmd: string[], container: FakeContainer) => FakeExecResult | Promise<FakeExecResult>;

/** The RPCs about commands; `run` decides how each one ends. */
export function execHandlers(world: World, run: FakeExec): RuntimeHandlers {
  const url = (kind: string) => ({ url: `http://127.0.0.1:1/${kind}/fake` });
  const running = (id: string) => {
    const c = world.container(id);
    if (c.state !== 'CONTAINER_RUNNING')
      throw new FakeError(status.UNKNOWN, `container "${id}" is in ${c.state} state`);
    return c;
  };
  return {
    async ExecSync({ containerId, cmd, timeout }, { signal }) {
      const c = running(containerId);
      const result = await run(cmd, c);
      const limit = Number(timeout) * 1000;
      const delay = result.delayMs ?? 0;
      const late = limit > 0 && delay > limit;
      await wait(world, late ? limit : delay, signal);
      if (late) {
        const words = `failed to exec in container: timeout ${timeout}s exceeded: context deadline exceeded`;
        throw new FakeError(status.DEADLINE_EXCEEDED, words);
      }
      const { exitCode = 0, stdout = '', stderr = '' } = result;
      return { exitCode, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr) };
    },
    Exec({ containerId }) {
      running(containerId);
      return url('exec');
    },
    Attach({ containerId }) {
      running(containerId);
      return url('attach');
    },
    PortForward({ podSandboxId }) {
      world.sandbox(podSandboxId);
      return url('portforward');
    },
  };
}

function wait(world: World, ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const cancelled = () => {
      timer[Symbol.dispose]();
      reject(new FakeError(status.CANCELLED, 'context canceled'));
    };
    const timer = world.after(ms, () => {
      signal.removeEventListener('abort', cancelled);
      resolve();
    });
    signal.addEventListener('abort', cancelled, { once: true });
  });
}
