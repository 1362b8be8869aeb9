import type { PodStatus } from '../types/k8s.ts';
import { isTerminal } from './rules/phase.ts';

/** Urgent writes go before all normal ones that wait at the same time. */
export type StatusLane = 'urgent' | 'normal';

/** Urgent: Ready changes (endpoints follow it) and terminal phases (Jobs and the scheduler wait for them). */
export function laneFor(before: PodStatus | undefined, wanted: PodStatus): StatusLane {
  if (isTerminal(wanted.phase) && wanted.phase !== before?.phase) return 'urgent';
  return readiness(before) === readiness(wanted) ? 'normal' : 'urgent';
}

function readiness(status: PodStatus | undefined): boolean {
  return status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
}

/** First come, first served in each lane, the urgent one first. An entry is in it once, and keeps its place. */
export class LaneQueue<Item> {
  readonly #lanes: Readonly<Record<StatusLane, Set<Item>>> = { urgent: new Set(), normal: new Set() };

  /** Adds the item, or moves it to the urgent lane if it waits in the normal one. */
  push(item: Item, lane: StatusLane): void {
    if (lane === 'normal' && this.#lanes.urgent.has(item)) return;
    if (lane === 'urgent') this.#lanes.normal.delete(item);
    this.#lanes[lane].add(item);
  }

  /** Takes the next item out. */
  shift(): Item | undefined {
    for (const lane of [this.#lanes.urgent, this.#lanes.normal]) {
      for (const item of lane) {
        lane.delete(item);
        return item;
      }
    }
    return undefined;
  }

  delete(item: Item): void {
    this.#lanes.urgent.delete(item);
    this.#lanes.normal.delete(item);
  }

  get size(): number {
    return this.#lanes.urgent.size + this.#lanes.normal.size;
  }
}
