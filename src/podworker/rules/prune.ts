import type { Turn } from './turn.ts';

/** Keys of `emitted` that end with the id of one container. */
const perContainer = 'killing/';

/** Forgets what was remembered of containers and sandboxes that the runtime does not hold any more: memory stays small. */
export function prune(turn: Turn): void {
  const { memory, facts } = turn;
  if (!facts.runtime) return;
  const ids = new Set([...facts.runtime.containers, ...facts.runtime.sandboxes].map((x) => x.id));
  memory.kills = only(memory.kills, (id) => ids.has(id));
  memory.preStop = only(memory.preStop, (id) => ids.has(id));
  memory.emitted = only(
    memory.emitted,
    (key) => !key.startsWith(perContainer) || ids.has(key.slice(perContainer.length)),
  );
  if (memory.stoppedSandboxes.some((id) => !ids.has(id)))
    memory.stoppedSandboxes = memory.stoppedSandboxes.filter((id) => ids.has(id));
}

function only<T>(record: Readonly<Record<string, T>>, keep: (key: string) => boolean): Readonly<Record<string, T>> {
  const keys = Object.keys(record);
  if (keys.every(keep)) return record;
  return Object.fromEntries(keys.filter(keep).map((key) => [key, record[key]!]));
}
