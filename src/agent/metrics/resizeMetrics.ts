import { amountOf } from '../../k8s/resourceAmounts.ts';
import type { ResizeTrigger } from '../../ledger/types.ts';
import type { GaugeMetric, Metrics } from '../../lib/metrics.ts';
import type { PodEntry } from '../../pods/entry.ts';
import { resourcesOf } from '../../pods/rules/allocation.ts';
import type { PodTable } from '../../pods/table.ts';
import type { PodResources, ResourceRequirements } from '../../types/k8s.ts';

const BUCKETS = [10, 50, 100, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000];

/** What a Pod asked for last, and the versions of it that this was made of. */
interface Asked {
  readonly pod: PodEntry['pod'];
  readonly wanted: PodEntry['wanted'];
  readonly resources: PodResources;
}

/** kubelet_* of resizes. It follows the Pods of `table` from now on. */
export class ResizeMetrics {
  readonly #requested;
  readonly #seconds;
  readonly #infeasible;
  readonly #accepted;
  readonly #asked = new Map<string, Asked>();

  constructor(m: Metrics, table: PodTable) {
    this.#requested = m.counter(
      'kubelet_container_requested_resizes_total',
      'Resizes that were asked for, by container, resource and what becomes of its request or limit',
      ['resource', 'requirement', 'operation'],
    );
    this.#seconds = m.histogram(
      'kubelet_pod_resize_duration_milliseconds',
      'Duration in milliseconds to carry out the resize of a Pod',
      BUCKETS,
      ['success'],
    );
    this.#infeasible = m.counter('kubelet_pod_infeasible_resizes_total', 'Resizes that this node never carries out', [
      'reason_detail',
    ]);
    this.#accepted = m.counter(
      'kubelet_pod_deferred_accepted_resizes_total',
      'Resizes that were granted after they had been deferred',
      ['retry_trigger'],
    );
    const conditions = (type: string) =>
      table.all().flatMap(({ status }) => status?.conditions?.filter((one) => one.type === type) ?? []);
    m.gauge('kubelet_pod_pending_resizes', 'Pods whose resize is not granted', ['reason'], (gauge: GaugeMetric) => {
      gauge.reset();
      for (const { reason = '' } of conditions('PodResizePending')) gauge.inc({ reason: reason.toLowerCase() });
    });
    m.gauge('kubelet_pod_in_progress_resizes', 'Pods whose resize is being carried out', [], (gauge) =>
      gauge.set(conditions('PodResizeInProgress').length),
    );
    table.onDecided((entry) => this.#follow(entry));
    table.onEnded((uid) => this.#asked.delete(uid));
  }

  /** A resize was carried out, or failed. */
  carriedOut(ms: number, error: unknown): void {
    this.#seconds.observe(ms, { success: String(error === undefined) });
  }

  infeasible(detail: string): void {
    this.#infeasible.inc({ reason_detail: detail });
  }

  deferredAccepted(trigger: ResizeTrigger): void {
    this.#accepted.inc({ retry_trigger: trigger });
  }

  #follow({ uid, pod, wanted }: PodEntry): void {
    if (!pod) return;
    const before = this.#asked.get(uid);
    if (before?.pod === pod && before.wanted === wanted) return;
    const resources = wanted ?? resourcesOf(pod);
    this.#asked.set(uid, { pod, wanted, resources });
    if (!before) return;
    for (const [name, own] of Object.entries(resources.containers)) {
      const old = Object.hasOwn(before.resources.containers, name) ? before.resources.containers[name] : undefined;
      if (old) this.#count(old, own);
    }
  }

  #count(old: ResourceRequirements, own: ResourceRequirements): void {
    for (const resource of ['memory', 'cpu'] as const) {
      for (const requirement of ['requests', 'limits'] as const) {
        if (old[requirement]?.[resource] === own[requirement]?.[resource]) continue;
        const operation = operationOf(amountOf(old[requirement], resource), amountOf(own[requirement], resource));
        if (operation) this.#requested.inc({ resource, requirement, operation });
      }
    }
  }
}

function operationOf(old: bigint, own: bigint): string | undefined {
  if (old === own) return undefined;
  if (own === 0n) return 'remove';
  if (old === 0n) return 'add';
  return own < old ? 'decrease' : 'increase';
}
