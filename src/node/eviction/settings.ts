import type { KubeletConfiguration } from '../../config/kubeletConfiguration.ts';
import type { KubeletOptions } from '../../config/options.ts';
import { parseDuration } from '../../k8s/duration.ts';
import { type Threshold, thresholdsOf } from './rules/thresholds.ts';

/** What the configuration says of eviction. */
export interface EvictionSettings {
  readonly thresholds: readonly Threshold[];
  /** evictionPressureTransitionPeriod. */
  readonly transitionMs: number;
  /** evictionMaxPodGracePeriod, for soft thresholds. */
  readonly maxGraceSeconds: number;
  /** Pods are held to their own limits of local storage: localStorageCapacityIsolation. */
  readonly localLimits: boolean;
}

export function evictionSettings(
  config: KubeletConfiguration,
  options: Pick<KubeletOptions, 'experimentalAllocatableIgnoreEviction'>,
): EvictionSettings {
  const { evictionHard, evictionSoft, evictionMinimumReclaim, evictionSoftGracePeriod } = config;
  const grace = Object.entries(evictionSoftGracePeriod).map(([signal, text]) => [signal, parseDuration(text) ?? 0]);
  return {
    thresholds: thresholdsOf({
      ...{ evictionHard, evictionSoft, evictionMinimumReclaim },
      softGraceMs: Object.fromEntries(grace),
      enforcesPods: config.enforceNodeAllocatable.includes('pods') && !options.experimentalAllocatableIgnoreEviction,
    }),
    transitionMs: config.evictionPressureTransitionPeriod,
    maxGraceSeconds: config.evictionMaxPodGracePeriod,
    localLimits: config.localStorageCapacityIsolation,
  };
}
