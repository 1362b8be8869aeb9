import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { goJson, goSystemError } from '../../k8s/goText.ts';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import { printable } from '../../lib/printable.ts';
import { decodeAnswer, type ProviderAnswer } from '../rules/providerAnswer.ts';
import type { ProviderConfig } from '../rules/providerConfig.ts';

/** Kubelet's limit for every provider. */
const TIMEOUT_MS = 60_000;
/** An answer is some hundred bytes long; a provider that prints more than this is ended. */
const MAX_STDOUT = 256 * 1024;
const MAX_STDERR = 4096;
/** A program that has ended is not waited for any longer because something that it started holds its output open. */
const PIPES_MS = 1000;

/** What a provider is told: a CredentialProviderRequest. */
export interface ProviderRequest {
  readonly image: string;
  readonly serviceAccountToken?: string;
  readonly serviceAccountAnnotations?: Readonly<Record<string, string>>;
}

export interface ExecOptions {
  readonly config: ProviderConfig;
  readonly binDir: string;
  readonly clock: Clock;
  /** Ends the program. */
  readonly signal: AbortSignal;
  /** It ended: seconds, and whether it failed. */
  readonly onRun?: (seconds: number, failed: boolean) => void;
}

/**
 * Runs a credential provider (KEP-2133): the request on its standard input, the answer on its standard output. It has a minute, and what
 * it started ends with it then. Rejects with kubelet's sentence.
 */
export async function execProvider(request: ProviderRequest, options: ExecOptions): Promise<ProviderAnswer> {
  const { config, clock, onRun } = options;
  const started = clock.now().mono;
  let failed = true;
  let stdout: string;
  try {
    stdout = await run(encode(request, config.apiVersion), options);
    failed = false;
  } catch (error) {
    const { problem, stderr } = error as Failure;
    const what = problem ?? errorMessage(error);
    throw new Error(
      `error execing credential provider plugin ${config.name} for image ${request.image}: ${what}: ${printable(stderr ?? '')}`,
    );
  } finally {
    onRun?.((clock.now().mono - started) / 1000, failed);
  }
  return decodeAnswer(stdout, config.apiVersion);
}

function encode(
  { image, serviceAccountToken, serviceAccountAnnotations }: ProviderRequest,
  apiVersion: string,
): string {
  const hasAnnotations = serviceAccountAnnotations && Object.keys(serviceAccountAnnotations).length > 0;
  return `${goJson({
    ...{ kind: 'CredentialProviderRequest', apiVersion, image },
    ...(serviceAccountToken && { serviceAccountToken }),
    ...(hasAnnotations && { serviceAccountAnnotations }),
  })}\n`;
}

/** Why a program gave nothing, and its last words on standard error. */
class Failure extends Error {
  readonly problem: string;
  readonly stderr: string;

  constructor(problem: string, stderr = '') {
    super(problem);
    this.problem = problem;
    this.stderr = stderr;
  }
}

function run(stdin: string, { config, binDir, clock, signal }: ExecOptions): Promise<string> {
  const { name, args, env } = config;
  const program = join(binDir, name);
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Failure('context canceled'));
    const own = Object.fromEntries(env.map((one) => [one.name, one.value]));
    let child: ChildProcess;
    try {
      // A group of its own, so that what it started can be ended too.
      child = spawn(program, [...args], { env: { ...process.env, ...own }, detached: true, stdio: 'pipe' });
    } catch (error) {
      return reject(new Failure(errorMessage(error)));
    }
    // No descriptors are left: it has no pipes, and only the error comes.
    if (!child.stdout) {
      child.once('error', (error) => reject(new Failure(goSystemError('fork/exec', error, program))));
      return;
    }
    const out = collect(child.stdout, MAX_STDOUT, () => end(`it printed more than ${MAX_STDOUT} bytes`));
    const err = collect(child.stderr!, MAX_STDERR, () => {});
    let problem: string | undefined;
    let isOver = false;
    const end = (why: string) => {
      problem ??= why;
      killGroup(child);
      // Nobody waits for pipes that something out of reach holds open.
      for (const stream of child.stdio) stream?.destroy();
      finish(); // nor for one that the kernel does not let end
    };
    const cancelled = () => end('context canceled');
    const timer = clock.setTimer(TIMEOUT_MS, () => end('context deadline exceeded'));
    signal.addEventListener('abort', cancelled, { once: true });
    child.stdin!.on('error', () => {}); // one that does not read its input is free not to
    child.stdin!.end(stdin);
    child.on('error', (error) => {
      problem ??= goSystemError('fork/exec', error, program);
      finish();
    });
    let pipes: Disposable | undefined;
    child.on('exit', (code, by) => {
      if (isOver) return;
      if (code !== 0) problem ??= by ? `signal: ${by}` : `exit status ${code}`;
      pipes = clock.setTimer(PIPES_MS, () => {
        for (const stream of child.stdio) stream?.destroy();
        finish();
      });
    });
    child.on('close', () => finish());
    const finish = () => {
      isOver = true;
      pipes?.[Symbol.dispose]();
      timer[Symbol.dispose]();
      signal.removeEventListener('abort', cancelled);
      if (problem === undefined) resolve(out().toString('utf8'));
      else reject(new Failure(problem, err().toString('utf8').trim()));
    };
  });
}

/** The first `max` bytes of a stream; the rest is read and dropped, and told once. */
function collect(stream: NodeJS.ReadableStream, max: number, onMore: () => void): () => Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  let isFull = false;
  stream.on('error', () => {});
  stream.on('data', (chunk: Buffer) => {
    if (isFull) return;
    chunks.push(chunk.subarray(0, max - size));
    size += chunk.length;
    if (size <= max) return;
    isFull = true;
    onMore();
  });
  return () => Buffer.concat(chunks);
}

function killGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // gone by itself
  }
}
