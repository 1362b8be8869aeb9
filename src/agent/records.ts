import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { ResourceRecords } from '../pods/resourceRecords.ts';

/** What was allocated to Pods, and what of it was carried out. What is not written yet is when it is disposed. */
export interface Records extends AsyncDisposable {
  readonly allocated: ResourceRecords;
  readonly actuated: ResourceRecords;
  /** The Pod is over. */
  forget(uid: string): void;
  /** No other Pod exists any more. */
  keepOnly(uids: ReadonlySet<string>): void;
}

/** Reads both files of the root directory. Rejects with one sentence when one does not fit: guessing would resize Pods that run. */
export async function openRecords(rootDir: string, clock: Clock): Promise<Records> {
  const [allocated, actuated] = await Promise.all(
    ['allocated_pods_state', 'actuated_pods_state'].map((file) => ResourceRecords.open(join(rootDir, file), clock)),
  );
  const both = [allocated!, actuated!];
  return {
    allocated: allocated!,
    actuated: actuated!,
    forget: (uid) => {
      for (const records of both) records.remove(uid);
    },
    keepOnly: (uids) => {
      for (const records of both) records.keepOnly(uids);
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.allSettled(both.map((records) => records.flush()));
    },
  };
}
