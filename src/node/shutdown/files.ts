import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { readBoundedIfThere } from '../../lib/readBounded.ts';
import { writeAtomically } from '../../lib/writeAtomically.ts';
import { logindOverride, stateTime } from './rules/words.ts';

/** When the last shutdown of the node began and ended, wall ms; absent: not yet. */
export interface ShutdownTimes {
  readonly start?: number;
  readonly end?: number;
}

/** More than a file of two times can be. */
const MAX_BYTES = 4096;

/** `<root>/graceful_node_shutdown_state`, in kubelet's form. What is wrong with it is told and holds nothing up. */
export class ShutdownState {
  readonly #path: string;
  readonly #log: Logger;

  constructor(rootDir: string, log: Logger) {
    this.#path = join(rootDir, 'graceful_node_shutdown_state');
    this.#log = log;
  }

  async load(): Promise<ShutdownTimes> {
    try {
      const bytes = await readBoundedIfThere(this.#path, MAX_BYTES);
      if (!bytes) return {};
      const { startTime, endTime } = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
      const [start, end] = [timeOf(startTime), timeOf(endTime)];
      return { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
    } catch (error) {
      this.#say('read', error);
      return {};
    }
  }

  async save({ start, end }: ShutdownTimes): Promise<void> {
    const text = JSON.stringify({ startTime: stateTime(start), endTime: stateTime(end) });
    await writeAtomically(this.#path, text, 0o644).catch((error) => this.#say('written', error));
  }

  #say(what: string, error: unknown): void {
    this.#log.error(`The times of the node's last shutdown could not be ${what}`, {
      path: this.#path,
      error: errorMessage(error),
    });
  }
}

/** Undefined for Go's zero time, which is in the year 1. */
function timeOf(text: unknown): number | undefined {
  const time = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return time > 0 ? time : undefined;
}

/** Where logind looks for settings that go before its own. */
const LOGIND_DIRECTORY = '/etc/systemd/logind.conf.d';

/** Has logind wait this long for Pods, from when it reads its configuration again. */
export async function overrideLogindDelay(delayMs: number, directory = LOGIND_DIRECTORY): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  await writeFile(join(directory, '99-kubelet.conf'), logindOverride(delayMs), { mode: 0o644 });
}
