import { status } from '@grpc/grpc-js';
import { CriError } from '../../cri/error.ts';
import { formatDuration } from '../../k8s/duration.ts';
import { goQuote } from '../../k8s/goText.ts';
import { errorMessage } from '../../lib/errors.ts';
import { expandCommand } from '../rules/command.ts';
import type { ExecSync, ProbeHandler } from './handler.ts';

/** Bytes of a command's output that are kept (pkg/probe/exec). */
const MAX_OUTPUT = 10 * 1024;

/** exec: healthy when the command exits with 0. The runtime measures the time and ends the command; running out of it is a failure. */
export function execHandler(cri: ExecSync): ProbeHandler<'exec'> {
  return async (action, { container, containerId, timeoutMs, signal }) => {
    const command = expandCommand(action.command ?? [], container.env);
    try {
      const { exitCode, stdout, stderr } = await cri.execSync(containerId, command, timeoutMs / 1000, { signal });
      const output = Buffer.concat([stdout, stderr]).subarray(0, MAX_OUTPUT).toString('utf8');
      return { result: exitCode === 0 ? 'success' : 'failure', output };
    } catch (error) {
      if (isTimeout(error)) return { result: 'failure', output: timeoutText(command, timeoutMs) };
      return { result: 'unknown', error: errorMessage(error) };
    }
  };
}

/** Whether a command ran longer than it was given. */
function isTimeout(error: unknown): boolean {
  return error instanceof CriError && error.grpcCode === status.DEADLINE_EXCEEDED;
}

/** The text of a command that was given `timeoutMs` and needed more. */
function timeoutText(command: readonly string[], timeoutMs: number): string {
  return `command timed out: ${goQuote(command.join(' '))} timed out after ${formatDuration(timeoutMs)}`;
}
