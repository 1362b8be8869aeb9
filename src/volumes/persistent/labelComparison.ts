import type { VolumeLabel } from '../rules/seLinuxLabel.ts';
import type { SeLinuxCounts } from '../seLinuxMetrics.ts';

/** What the Pods of one volume want as its SELinux label, for metrics. These have a / before the driver where others have a colon. */
export class LabelComparison {
  readonly #counts: SeLinuxCounts | undefined;
  readonly #metricName: () => string;
  /** The label that the first of its present Pods wants. */
  #first = '';

  constructor(counts: SeLinuxCounts | undefined, metricName: () => string) {
    this.#counts = counts;
    this.#metricName = metricName;
  }

  /** A Pod that is new to the volume; `isFirst`: no other one wants it. `label` is absent on a machine without SELinux. */
  joined(label: VolumeLabel | undefined, isFirst: boolean): void {
    const counts = this.#counts;
    if (!label || !counts) return;
    const plugin = this.#metricName().replace(':', '/');
    if (isFirst) {
      this.#first = label.wanted;
      if (label.wanted !== '') counts.admitted(label, plugin);
    } else if (label.wanted !== this.#first) counts.mismatch(label, plugin);
  }
}
