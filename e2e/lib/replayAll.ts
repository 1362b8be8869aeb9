import { createReadStream, readdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type RecordedDecision, replay } from '../../src/podworker/replay.ts';

export interface Replayed {
  decisions: number;
  files: number;
  /** Lines that end in the middle because the agent was killed while it wrote. */
  torn: number;
  readonly differences: string[];
}

/** Makes every decision again that any start of the agent recorded below `directory`. */
export async function replayAll(directory: string): Promise<Replayed> {
  const found: Replayed = { decisions: 0, files: 0, torn: 0, differences: [] };
  for (const start of readdirSync(directory).sort()) {
    for (const name of readdirSync(path.join(directory, start))) {
      found.files += 1;
      await replayFile(path.join(directory, start, name), found);
    }
  }
  return found;
}

async function replayFile(file: string, found: Replayed): Promise<void> {
  let unread: string | undefined;
  let at = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    // Only the last line of a file may be torn.
    if (unread !== undefined) found.differences.push(`${file}: decision ${at} cannot be read: ${unread}`);
    unread = undefined;
    at += 1;
    let record: RecordedDecision;
    try {
      record = JSON.parse(line) as RecordedDecision;
    } catch (error) {
      unread = (error as Error).message;
      continue;
    }
    found.decisions += 1;
    const difference = replay([record]);
    if (!difference) continue;
    const { path: where, recorded, today } = difference;
    found.differences.push(
      `${file}: decision ${at} at ${where}: ${JSON.stringify(recorded)} became ${JSON.stringify(today)}`,
    );
  }
  if (unread !== undefined) found.torn += 1;
}
