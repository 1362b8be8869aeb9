import { DEFAULT_BUCKETS, type Metrics } from '../lib/metrics.ts';
import type { PullRecords } from './records/pullRecords.ts';
import type { AccessResult } from './rules/imageAccess.ts';
import type { PullPolicy } from './types.ts';

/** kubelet_image_manager_*, kubelet_imagemanager_* and kubelet_credential_provider_*. */
export class ImageMetrics {
  readonly #ensured;
  readonly #checks;
  readonly #runs;
  readonly #runErrors;
  readonly #metrics: Metrics;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#ensured = metrics.counter(
      'kubelet_image_manager_ensure_image_requests_total',
      'Number of ensure-image requests processed by the kubelet.',
      ['pull_policy', 'present_locally', 'pull_required'],
    );
    this.#checks = metrics.counter(
      'kubelet_imagemanager_image_mustpull_checks_total',
      'Counter for how many times kubelet checked whether credentials need to be re-verified to access an image',
      ['result'],
    );
    const provider = ['plugin_name'];
    this.#runErrors = metrics.counter(
      'kubelet_credential_provider_plugin_errors_total',
      'Number of errors from credential provider plugin',
      provider,
    );
    this.#runs = metrics.histogram(
      'kubelet_credential_provider_plugin_duration',
      'Duration of execution in seconds for credential provider plugin',
      DEFAULT_BUCKETS,
      provider,
    );
  }

  ensured(policy: PullPolicy, isPresent: boolean | undefined, mustPull: boolean | undefined): void {
    this.#ensured.inc({
      pull_policy: policy.toLowerCase(),
      present_locally: String(isPresent ?? 'unknown'),
      pull_required: String(mustPull ?? 'unknown'),
    });
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
    const help = 'Information about the last applied credential provider configuration with hash as label';
    this.#metrics.gauge('kubelet_credential_provider_config_info', help, ['hash']).set(1, { hash });
  }

  /** Counted at each scrape. `intentsMax`, `recordsMax`: what kubelet's caches of this node hold. */
  records(records: PullRecords, intentsMax: number, recordsMax: number): void {
    const gauge = (name: string, help: string, value: () => number) =>
      this.#metrics.gauge(`kubelet_imagemanager_${name}`, help, [], (one) => one.set(value()));
    gauge('ondisk_pullintents', 'Number of ImagePullIntents stored on disk.', () => records.size.intents);
    gauge('ondisk_pulledrecords', 'Number of ImagePulledRecords stored on disk.', () => records.size.pulled);
    const percent = (count: number, max: number) => Math.min(100, Math.floor((count * 100) / max));
    gauge('inmemory_pullintents_usage_percent', 'The ImagePullIntents in-memory cache usage in percent.', () =>
      percent(records.size.intents, intentsMax),
    );
    gauge('inmemory_pulledrecords_usage_percent', 'The ImagePulledRecords in-memory cache usage in percent.', () =>
      percent(records.size.cached, recordsMax),
    );
  }
}
