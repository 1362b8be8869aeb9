import type { Turn } from './turn.ts';

/** Below this the wall clock is being slewed, or the two clocks were read a moment apart. */
const stepMs = 1_000;

/**
 * Moves what memory keeps in wall time along when the wall clock is set (NTP, a VM that was resumed): grace periods and back-offs go on
 * by the time that really passes. kubelet measures them with the monotonic clock; ours must outlive a restart.
 */
export function followClock(turn: Turn): void {
  const { memory, now } = turn;
  const offset = now.wall - now.mono;
  const step = offset - (memory.clockOffset ?? offset);
  if (memory.clockOffset !== undefined && Math.abs(step) < stepMs) return;
  memory.clockOffset = offset;
  if (step === 0) return;
  const { termination } = memory;
  if (termination) {
    memory.termination = { ...termination, since: termination.since + step, deadline: termination.deadline + step };
  }
  memory.kills = mapValues(memory.kills, (kill) => ({ ...kill, since: kill.since + step }));
  memory.backoff = mapValues(memory.backoff, (entry) => ({ ...entry, updatedAt: entry.updatedAt + step }));
  memory.preStop = mapValues(memory.preStop, ({ begun, ended }) => ({
    begun: begun + step,
    ...(ended === undefined ? {} : { ended: ended + step }),
  }));
}

function mapValues<T>(record: Readonly<Record<string, T>>, change: (value: T) => T): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
