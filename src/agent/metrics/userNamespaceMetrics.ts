import type { Metrics } from '../../k8s/metrics/metrics.ts';
import type { PodTable } from '../../pods/table.ts';
import type { ActionKind } from '../../podworker/rules/actions.ts';

/** Steps whose failure is one of the start: the Go kubelet counts them in the sync that made the sandbox. */
const STEPS: readonly ActionKind[] = ['createSandbox', 'createContainer', 'startContainer'];

/** kubelet_started_user_namespaced_pods_*: Pods with hostUsers: false, and how many of their starts failed, each once. */
export class UserNamespaceMetrics {
  readonly #started;
  readonly #errors;
  readonly #table: PodTable;
  /** Pods whose start is under way and has not failed. */
  readonly #starting = new Set<string>();

  constructor(m: Metrics, table: PodTable) {
    this.#started = m.counter('kubelet_started_user_namespaced_pods_total');
    this.#errors = m.counter('kubelet_started_user_namespaced_pods_errors_total');
    this.#table = table;
    table.onDecided(({ uid, status }) => {
      if (this.#starting.size > 0 && status?.containerStatuses?.every((c) => c.state?.running))
        this.#starting.delete(uid);
    });
    table.onEnded((uid) => this.#starting.delete(uid));
  }

  /** An effect of a Pod ended. */
  action(uid: string, kind: ActionKind, error: unknown): void {
    if (!STEPS.includes(kind) || this.#table.get(uid)?.pod?.spec?.hostUsers !== false) return;
    if (kind === 'createSandbox') {
      this.#started.inc();
      this.#starting.add(uid);
    }
    if (error !== undefined && this.#starting.delete(uid)) this.#errors.inc();
  }
}
