import { type ChildProcess, spawn } from 'node:child_process';
import { errorMessage, KubeletError } from '../errors.ts';

/** What a program of the node is run with. */
export interface ProgramRequest {
  readonly program: string;
  readonly args: readonly string[];
  /** It is killed after this many ms. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
  /** Its environment; absent: PATH and the language of messages alone. */
  readonly environment?: NodeJS.ProcessEnv;
  /** What it writes to its standard error is left out: the output is to be parsed. */
  readonly withoutErrors?: boolean;
  /** Called when it was killed and is still there: the kernel holds it, as a mount whose server is dead does. */
  readonly onHeld?: (pid: number) => void;
}

export interface ProgramResult {
  /** null: ended by a signal. */
  readonly code: number | null;
  /** Standard output and error together, in the order they came, at most 16 KiB of it. */
  readonly output: string;
  /** Its deadline passed, or nobody wanted it any more. */
  readonly killed: boolean;
}

/** Runs a program of the node. Rejects only when it cannot be started: code ProgramMissing if there is none of the name. */
export type Runner = (request: ProgramRequest) => Promise<ProgramResult>;

const MAX_OUTPUT = 16 << 10;
/** How long after its end a program's output may still come. */
const PIPES_MS = 1_000;
/** How long after its kill the kernel may hold a program before that is told. */
const HELD_MS = 2_000;

/**
 * The runner of this machine. It settles when the program has ended, and not before: while the kernel holds one that was killed, what it
 * does is not known, and another beside it would only be held too. No thread of this process waits for it.
 */
export const runProgram: Runner = ({ program, args, deadlineMs, signal, environment, withoutErrors, onHeld }) => {
  const { promise, resolve, reject } = Promise.withResolvers<ProgramResult>();
  const { PATH = '/usr/sbin:/usr/bin:/sbin:/bin' } = process.env;
  // A group of its own: helpers (mount.nfs) are killed with it.
  const env = environment ?? { PATH, LC_ALL: 'C' };
  const stdio = ['ignore', 'pipe', withoutErrors ? 'ignore' : 'pipe'] as const;
  let child: ChildProcess;
  try {
    child = spawn(program, args, { detached: true, stdio: [...stdio], env });
  } catch (error) {
    reject(refused(program, error));
    return promise;
  }
  const output = outputOf(child);
  let killed = false;
  const kill = () => {
    killed = true;
    const { pid } = child;
    if (pid === undefined) return;
    killGroup(pid);
    held = setTimeout(() => onHeld?.(pid), HELD_MS);
  };
  let held: NodeJS.Timeout | undefined;
  const deadline = setTimeout(kill, deadlineMs);
  const settle = () => {
    clearTimeout(deadline);
    clearTimeout(held);
    signal?.removeEventListener('abort', kill);
  };
  signal?.addEventListener('abort', kill, { once: true });
  if (signal?.aborted) kill();
  child.on('error', (error) => {
    settle();
    reject(notRun(program, error));
  });
  child.on('exit', (code) => {
    settle();
    const end = () => {
      clearTimeout(patience);
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve({ code, output: output(), killed });
    };
    // What it printed may come after the news of its end. A helper that lives on may hold the pipes: then this is all there is.
    const patience = setTimeout(end, PIPES_MS);
    child.once('close', end);
  });
  return promise;
};

/** The beginning of what it prints. Without pipes, where no descriptors are left, nothing is printed: then only the error comes. */
function outputOf(child: ChildProcess): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  const take = (chunk: Buffer) => {
    if (size >= MAX_OUTPUT) return;
    chunks.push(chunk.subarray(0, MAX_OUTPUT - size));
    size += chunk.length;
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  return () => Buffer.concat(chunks).toString();
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

function notRun(program: string, error: Error): KubeletError {
  const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  const message = missing
    ? `exec: "${program}": executable file not found in $PATH`
    : `${program} cannot be run: ${error.message}`;
  return new KubeletError(message, { code: missing ? 'ProgramMissing' : 'ProgramFailed', cause: error });
}

/** What is thrown at once: too many arguments, or one that no program can be given. Node's own words for that quote it, and it may be a password. */
function refused(program: string, error: unknown): KubeletError {
  const isQuoted = (error as NodeJS.ErrnoException).code === 'ERR_INVALID_ARG_VALUE';
  const why = isQuoted ? 'invalid argument' : errorMessage(error);
  return new KubeletError(`${program} cannot be run: ${why}`, {
    code: 'ProgramFailed',
    ...(isQuoted ? {} : { cause: error }),
  });
}

/** Whether a run was rejected because there is no such program on the node. */
export function isProgramMissing(error: unknown): error is KubeletError {
  return error instanceof KubeletError && error.code === 'ProgramMissing';
}
