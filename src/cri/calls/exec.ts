// Commands in containers, and the URLs of streaming sessions.
import type { CriCallOptions, RuntimeCaller } from '../callers.ts';
import type { AttachRequest, ExecRequest, ExecSyncResponseOut } from '../generated/runtime.ts';

/** Calls about commands and streams. All reject with CriError. */
export interface ExecCalls {
  /**
   * Runs a command and waits for it. The runtime ends it after `timeoutSeconds` (and answers DeadlineExceeded); 0: never.
   * The deadline of the call itself is the usual one on top of that, none for 0.
   */
  execSync(
    containerId: string,
    cmd: string[],
    timeoutSeconds: number,
    options?: CriCallOptions,
  ): Promise<ExecSyncResponseOut>;
  /** The URL where the runtime serves this exec session. */
  exec(request: ExecRequest, options?: CriCallOptions): Promise<string>;
  /** The URL where the runtime serves this attach session. */
  attach(request: AttachRequest, options?: CriCallOptions): Promise<string>;
  /** The URL where the runtime serves forwarded ports of a sandbox. */
  portForward(podSandboxId: string, ports: number[], options?: CriCallOptions): Promise<string>;
}

export function execCalls(caller: RuntimeCaller): ExecCalls {
  return {
    execSync(containerId, cmd, timeoutSeconds, options) {
      const deadline = timeoutSeconds > 0 ? timeoutSeconds * 1000 + caller.requestTimeoutMs : 0;
      return caller.unary('ExecSync', { containerId, cmd, timeout: Math.ceil(timeoutSeconds) }, options, deadline);
    },
    async exec(request, options) {
      return (await caller.unary('Exec', request, options)).url;
    },
    async attach(request, options) {
      return (await caller.unary('Attach', request, options)).url;
    },
    async portForward(podSandboxId, ports, options) {
      return (await caller.unary('PortForward', { podSandboxId, port: ports }, options)).url;
    },
  };
}
