import { spawn } from 'node:child_process';

export interface RunOptions {
  cwd?: string;
  /** Added to this process's environment. */
  env?: Record<string, string>;
  /** Written to the command's stdin. */
  input?: string;
  /** Called with every complete line of stdout and stderr. */
  onLine?: (line: string) => void;
  /** Lets stdin, stdout and stderr through to the terminal; nothing is captured. */
  inherit?: boolean;
}

export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end and returns its exit code (128 + signal number is not computed: a signal reads as 255) and output. */
export function tryRun(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: options.inherit ? 'inherit' : ['pipe', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      let rest = '';
      child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
        output[name] += chunk;
        if (!options.onLine) return;
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) options.onLine(line);
      });
    }
    child.stdin?.on('error', () => {}); // a command that does not read its input ends early; its exit code tells
    child.stdin?.end(options.input ?? '');
    child.on('error', (error) => reject(new Error(`cannot run ${command}: ${error.message}`)));
    child.on('close', (code) => resolve({ code: code ?? 255, ...output }));
  });
}

/** Runs a command and returns its stdout; throws with the end of its output when it fails. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await tryRun(command, args, options);
  if (result.code !== 0) {
    const said = (result.stderr + result.stdout).trim().split('\n').slice(-15).join('\n');
    throw new Error(`${command} ${args.join(' ').slice(0, 300)} failed with exit code ${result.code}:\n${said}`);
  }
  return result.stdout;
}

/** The path of a program in PATH, or undefined. */
export async function which(program: string): Promise<string | undefined> {
  const { code, stdout } = await tryRun('sh', ['-c', 'command -v "$0"', program]);
  return code === 0 ? stdout.trim() : undefined;
}
