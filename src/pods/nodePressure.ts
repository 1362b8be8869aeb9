import { Listeners } from '../lib/disposables.ts';

/** Node conditions that pressure sets, in the order in which the API and messages name them. */
export const PRESSURE_CONDITIONS = ['MemoryPressure', 'DiskPressure', 'PIDPressure'] as const;
/** One of PRESSURE_CONDITIONS. */
export type PressureCondition = (typeof PRESSURE_CONDITIONS)[number];

/** What a kubelet's users see of pressure: the conditions that are true. One publishes it (node/eviction/), everybody may read it. */
export class NodePressure {
  readonly #changed = new Listeners<[]>();
  #conditions: readonly PressureCondition[] = [];

  /** Those that are true, in the order above. */
  get conditions(): readonly PressureCondition[] {
    return this.#conditions;
  }

  has(condition: PressureCondition): boolean {
    return this.#conditions.includes(condition);
  }

  /** For the one owner. */
  publish(conditions: readonly PressureCondition[]): void {
    const before = this.#conditions;
    this.#conditions = conditions;
    if (before.join() !== conditions.join()) this.#changed.emit();
  }

  /** One of them came or went. */
  onChange(listener: () => void): Disposable {
    return this.#changed.add(listener);
  }
}
