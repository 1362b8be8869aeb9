// Commands in containers, and the URLs of streaming sessions.
import protobuf from 'protobufjs/light.js';
import type { CriCallOptions, RuntimeCaller } from '../callers.ts';
import type { AttachRequest, ExecRequest, ExecSyncResponseOut } from '../generated/runtime.ts';

/** Bytes of each of a command's outputs that are kept: as much as a probe looks at (pkg/probe/exec). */
const EXEC_OUTPUT_BYTES = 10 * 1024;

/** How a command's output is taken. */
export interface ExecSyncOptions extends CriCallOptions {
  /** Keeps all that the runtime collected, up to 16 MB: for who asked for the output itself. Default: the first 10 KiB of each stream. */
  readonly wholeOutput?: boolean | undefined;
}

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
    options?: ExecSyncOptions,
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
      const request = { containerId, cmd, timeout: Math.ceil(timeoutSeconds) };
      return caller.unary('ExecSync', request, options, deadline, options?.wholeOutput ? undefined : decodeExec);
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

const RESPONSE = { stdout: 1, stderr: 2, exitCode: 3 };

/**
 * An encoded ExecSyncResponse with the first 10 KiB of each output. The container chose how much it says, so the rest is neither copied
 * nor kept: the buffer of the whole message can go at once. Throws on bytes that are no protobuf message.
 */
function decodeExec(bytes: Uint8Array): ExecSyncResponseOut {
  const answer: ExecSyncResponseOut = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), exitCode: 0 };
  const reader = protobuf.Reader.create(bytes);
  const head = () => {
    const length = reader.uint32();
    const start = reader.pos;
    reader.skip(length);
    return Buffer.from(bytes.subarray(start, start + Math.min(length, EXEC_OUTPUT_BYTES)));
  };
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = tag >>> 3;
    if (field === RESPONSE.stdout) answer.stdout = head();
    else if (field === RESPONSE.stderr) answer.stderr = head();
    else if (field === RESPONSE.exitCode) answer.exitCode = reader.int32();
    else reader.skipType(tag & 7);
  }
  return answer;
}
