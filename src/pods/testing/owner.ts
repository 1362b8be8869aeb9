import type { PodEntry } from '../entry.ts';
import type { TerminateRequest } from '../facts.ts';
import type { PodOwner, PodTable } from '../table.ts';
import type { FactUpdate } from '../updates.ts';

/** An entry of a Pod that runs nothing yet; `parts` says what is different. */
function testEntry(parts: Partial<PodEntry> = {}): PodEntry {
  return {
    uid: 'u',
    namespace: 'ns',
    name: 'p',
    origin: 'api',
    pod: null,
    gone: false,
    phase: 'Active',
    status: undefined,
    accepted: undefined,
    observed: null,
    podIPs: [],
    reasons: [],
    volumePath: () => undefined,
    ...parts,
  };
}

/** A Pod in a table without a worker: keeps what it is told. */
export class TestOwner implements PodOwner {
  readonly uid: string;
  entry: PodEntry;
  readonly learned: FactUpdate[] = [];
  readonly ends: TerminateRequest[] = [];
  wakes = 0;
  readonly #table: PodTable;

  constructor(table: PodTable, parts: Partial<PodEntry> = {}) {
    this.entry = testEntry(parts);
    this.uid = this.entry.uid;
    this.#table = table;
    table.enter(this);
  }

  learn(update: FactUpdate): void {
    this.learned.push(update);
  }

  end(request: TerminateRequest): void {
    this.ends.push(request);
  }

  wake(): void {
    this.wakes++;
  }

  /** The Pod's next decision. */
  decide(parts: Partial<PodEntry> = {}): void {
    this.entry = { ...this.entry, ...parts };
    this.#table.decided(this);
  }
}
