import type { Amounts, LedgerEntry } from '../types.ts';
import type { Taken } from './assess.ts';

/** The sum of what these entries hold. */
export function takenBy(entries: Iterable<LedgerEntry>): Taken {
  const used: Record<string, bigint> = {};
  const hostPorts = [];
  let pods = 0;
  for (const entry of entries) {
    pods += 1;
    hostPorts.push(...entry.hostPorts);
    for (const [resource, amount] of Object.entries(entry.requests)) used[resource] = (used[resource] ?? 0n) + amount;
  }
  return { pods, used, hostPorts };
}

/** Amounts as decimal strings: JSON has no bigint. */
export function toStrings(amounts: Amounts): Record<string, string> {
  return Object.fromEntries(Object.entries(amounts).map(([resource, amount]) => [resource, amount.toString()]));
}
