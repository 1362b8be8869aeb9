import type { Metrics } from '../k8s/metrics/metrics.ts';
import type { PullRecords } from './records/pullRecords.ts';
import type { AccessResult } from './rules/imageAccess.ts';
import { imageSizeLabel } from './rules/imageSizeLabel.ts';
import type { PullPolicy } from './types.ts';

/** kubelet_image_pull_*, kubelet_image_manager_*, kubelet_imagemanager_* and kubelet_credential_provider_*. */
export class ImageMetrics {
  readonly #ensured;
  readonly #pulls;
  readonly #checks;
  readonly #runs;
  readonly #runErrors;
  readonly #metrics: Metrics;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#ensured = metrics.counter('kubelet_image_manager_ensure_image_requests_total');
    this.#pulls = metrics.histogram('kubelet_image_pull_duration_seconds');
    this.#checks = metrics.counter('kubelet_imagemanager_image_mustpull_checks_total');
    this.#runErrors = metrics.counter('kubelet_credential_provider_plugin_errors_total');
    this.#runs = metrics.histogram('kubelet_credential_provider_plugin_duration');
  }

  ensured(policy: PullPolicy, isPresent: boolean | undefined, mustPull: boolean | undefined): void {
    this.#ensured.inc({
      pull_policy: policy.toLowerCase(),
      present_locally: String(isPresent ?? 'unknown'),
      pull_required: String(mustPull ?? 'unknown'),
    });
  }

  /** A pull succeeded: seconds with the wait for its turn, bytes (0: not known). */
  pulled(seconds: number, bytes: number): void {
    this.#pulls.observe(seconds, { image_size_in_bytes: imageSizeLabel(bytes) });
  }

  checked(result: AccessResult): void {
    this.#checks.inc({ result });
  }

  ran(provider: string, seconds: number, failed: boolean): void {
    this.#runs.observe(seconds, { plugin_name: provider });
    if (failed) this.#runErrors.inc({ plugin_name: provider });
  }

  /** The files that the providers' configuration was read from. */
  providers(hash: string): void {
    this.#metrics.gauge('kubelet_credential_provider_config_info').set(1, { hash });
  }

  /** Counted at each scrape. `intentsMax`, `recordsMax`: what kubelet's caches of this node hold. */
  records(records: PullRecords, intentsMax: number, recordsMax: number): void {
    const sizes = {
      kubelet_imagemanager_ondisk_pullintents: () => records.size.intents,
      kubelet_imagemanager_ondisk_pulledrecords: () => records.size.pulled,
      kubelet_imagemanager_inmemory_pullintents_usage_percent: () => percent(records.size.intents, intentsMax),
      kubelet_imagemanager_inmemory_pulledrecords_usage_percent: () => percent(records.size.cached, recordsMax),
    };
    for (const [name, size] of Object.entries(sizes)) {
      this.#metrics.gauge(name as keyof typeof sizes, (gauge) => gauge.set(size()));
    }
  }
}

function percent(count: number, max: number): number {
  return Math.min(100, Math.floor((count * 100) / max));
}
