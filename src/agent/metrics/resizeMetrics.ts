import type { Metrics } from '../../k8s/metrics/metrics.ts';
import { amountOf } from '../../k8s/resourceAmounts.ts';
import type { ResizeTrigger } from '../../ledger/types.ts';
import type { PodEntry } from '../../pods/entry.ts';
import { resourcesOf } from '../../pods/rules/allocation.ts';
import type { PodTable } from '../../pods/table.ts';
import type { PodResources, ResourceRequirements } from '../../types/k8s.ts';

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
    this.#requested = m.counter('kubelet_container_requested_resizes_total');
    this.#seconds = m.histogram('kubelet_pod_resize_duration_milliseconds');
    this.#infeasible = m.counter('kubelet_pod_infeasible_resizes_total');
    this.#accepted = m.counter('kubelet_pod_deferred_accepted_resizes_total');
    const conditions = (type: string) =>
      table.all().flatMap(({ status }) => status?.conditions?.filter((one) => one.type === type) ?? []);
    m.gauge('kubelet_pod_pending_resizes', (gauge) => {
      gauge.reset();
      for (const { reason = '' } of conditions('PodResizePending')) gauge.inc({ reason: reason.toLowerCase() });
    });
    m.gauge('kubelet_pod_in_progress_resizes', (gauge) => gauge.set(conditions('PodResizeInProgress').length));
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
