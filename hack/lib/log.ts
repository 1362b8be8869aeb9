const began = performance.now();

/** Seconds since this program started, as text with one decimal. */
export function elapsed(since: number = began): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/** One line of progress on stdout, stamped with the time since the program started. */
export function say(text: string): void {
  process.stdout.write(`[${elapsed().padStart(8)}] ${text}\n`);
}

/** Lets a step report what it is at; the last note is shown in the periodic progress line. */
export type Note = (text: string) => void;

/**
 * Runs one step: says when it takes longer than a second, every 15 s what it is doing, and at the end how long it took.
 * Errors pass through unchanged after a line that names the step.
 */
export async function step<T>(title: string, work: (note: Note) => Promise<T> | T): Promise<T> {
  const start = performance.now();
  let note = '';
  const soon = setTimeout(() => say(`${title} …`), 1000);
  const often = setInterval(() => say(`${title} … ${elapsed(start)}${note ? `: ${note}` : ''}`), 15_000);
  try {
    const result = await work((text) => {
      note = text;
    });
    say(`${title}: done (${elapsed(start)})`);
    return result;
  } catch (error) {
    say(`${title}: FAILED after ${elapsed(start)}`);
    throw error;
  } finally {
    clearTimeout(soon);
    clearInterval(often);
  }
}

/** Runs a program's main function: an error ends it with one message (the stack only with DEBUG set) and exit code 1. */
export async function main(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    const message = error instanceof Error ? (process.env.DEBUG ? error.stack : error.message) : String(error);
    process.stderr.write(`error: ${message}\n`);
    process.exitCode = 1;
  }
}
