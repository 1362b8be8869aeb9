// One FlexVolume driver: a program that is run once for each call.
import type { Runner } from '../../lib/linux/runProgram.ts';
import { type FlexCapabilities, readAnswer } from './rules/answer.ts';

/** Kubelet waits for ever; a driver that takes longer than this is stuck, and the call is made again. */
const CALL_MS = 600_000;
/** `init` only says what the driver can do. */
const INIT_MS = 60_000;
/** From then on `why` says that the driver has not answered. */
const PATIENCE_MS = 10_000;

/** One call of a driver's program. */
export interface FlexCall {
  readonly command: string;
  readonly args: readonly string[];
  readonly signal?: AbortSignal;
  /** What `why` says while the driver is at work; undefined: nothing any more. */
  progress?(message: string | undefined): void;
}

/** A driver that said Success to `init`. Which commands it does not know is remembered for the life of its program. */
export class FlexDriver {
  readonly name: string;
  readonly capabilities: FlexCapabilities;
  readonly #program: string;
  readonly #run: Runner;
  readonly #unsupported = new Set<string>();

  private constructor(name: string, program: string, run: Runner, capabilities: FlexCapabilities) {
    this.name = name;
    this.capabilities = capabilities;
    this.#program = program;
    this.#run = run;
  }

  /** Asks the program what it can do. Rejects when it cannot be run or does not say Success. */
  static async open(name: string, program: string, run: Runner): Promise<FlexDriver> {
    const result = await run({ program, args: ['init'], deadlineMs: INIT_MS, environment: process.env });
    if (result.killed) throw new Error(`the driver did not answer init within ${INIT_MS / 1000}s`);
    const answer = readAnswer('init', result.output);
    if (answer.kind === 'unsupported') throw new Error('Not supported');
    if (answer.kind === 'failure') throw new Error(answer.message);
    if (result.code !== 0) throw new Error(`exit status ${result.code}`);
    return new FlexDriver(name, program, run, answer.capabilities);
  }

  /** The device that the driver names, or ''. Undefined: it does not know the command. Rejects in kubelet's words. */
  async call({ command, args, signal, progress }: FlexCall): Promise<string | undefined> {
    if (this.#unsupported.has(command)) return undefined;
    const says = `FlexVolume driver ${this.name}: ${command}`;
    const slow = setTimeout(() => progress?.(`${says} has not answered yet`), PATIENCE_MS).unref();
    try {
      const result = await this.#run({
        ...{ program: this.#program, args: [command, ...args], deadlineMs: CALL_MS, environment: process.env },
        ...(signal ? { signal } : {}),
        onHeld: (pid) => progress?.(`${says} was given up, and the kernel holds it (process ${pid})`),
      });
      signal?.throwIfAborted();
      if (result.killed) throw new Error(`${command} command failed: no answer within ${CALL_MS / 1000}s`);
      const answer = readAnswer(command, result.output);
      if (answer.kind === 'unsupported') {
        this.#unsupported.add(command);
        return undefined;
      }
      if (answer.kind === 'failure') throw new Error(answer.message);
      if (result.code !== 0) throw new Error(`exit status ${result.code}`);
      return answer.device;
    } finally {
      clearTimeout(slow);
      progress?.(undefined);
    }
  }
}
