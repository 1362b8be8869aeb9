import type { RecordFiles, RecordKind } from '../records/recordFiles.ts';

/** What a process that was killed says to nobody. */
export class Killed extends Error {}

/**
 * Files of records in memory that outlive the process: from the `killAt`-th write or removal on (from 1) nothing happens any more, as if
 * the process had been killed before it.
 */
export class CrashingFiles implements RecordFiles {
  readonly disk = new Map<string, string>();
  steps = 0;
  killAt = Number.POSITIVE_INFINITY;

  async list(kind: RecordKind): Promise<string[]> {
    return [...this.disk.keys()]
      .filter((path) => path.startsWith(`${kind}/`))
      .map((path) => path.slice(kind.length + 1));
  }

  async read(kind: RecordKind, name: string): Promise<string | undefined> {
    return this.disk.get(`${kind}/${name}`);
  }

  async write(kind: RecordKind, name: string, text: string): Promise<void> {
    this.step();
    this.disk.set(`${kind}/${name}`, text);
  }

  async remove(kind: RecordKind, name: string): Promise<void> {
    this.step();
    this.disk.delete(`${kind}/${name}`);
  }

  /** One step of the process that may be its last. */
  step(): void {
    this.steps += 1;
    if (this.steps >= this.killAt) throw new Killed('killed');
  }
}
