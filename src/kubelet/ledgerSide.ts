import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { KubeletConfiguration } from '../config/kubeletConfiguration.ts';
import { Ledger } from '../ledger/ledger.ts';
import { PREEMPTED } from '../ledger/rules/preemption.ts';
import { sysctlAllowlist } from '../ledger/rules/sysctls.ts';
import type { NodeView } from '../ledger/types.ts';
import { type LedgerInput, ledgerView } from '../node/ledgerView.ts';
import { admissionFact } from '../podworker/actions/admission.ts';
import type { PodWorkers } from '../podworker/workers.ts';
import type { Node } from '../types/k8s.ts';
import type { EventSide } from './eventSide.ts';
import type { NodeSide } from './nodeSide.ts';

/** The ledger with its view of the node kept current. */
export class LedgerSide {
  readonly ledger: Ledger;
  /** Reads the Node from the API server; null in standalone mode. */
  readNode: (() => Promise<Node>) | null = null;
  readonly #node: NodeSide;
  readonly #input: LedgerInput;

  constructor(config: KubeletConfiguration, node: NodeSide) {
    this.#node = node;
    this.#input = {
      nodeName: node.name,
      sysctls: sysctlAllowlist(release(), config.allowedUnsafeSysctls ?? []),
      ...appArmorProblem(),
      pressures: [],
      shuttingDown: false,
      goneDevices: node.pastDevices.resources,
    };
    this.ledger = new Ledger({ closed: true, node: this.#view(), refreshNode: () => this.#freshView() });
  }

  /** The Node object changed: labels, taints, allocatable. */
  refresh(): void {
    this.ledger.setNode(this.#view());
  }

  /** Verdicts that come after a wait go to the worker as a fact. Victims of a waiting Pod are ended. */
  onVerdict(workers: () => PodWorkers, events: EventSide): void {
    this.ledger.onVerdict((uid, verdict) => {
      const worker = workers().get(uid);
      if (!worker) return;
      worker.facts.admission = admissionFact(verdict);
      worker.wake();
    });
    this.ledger.onVictim(({ uid }) => {
      const { reason, message, condition } = PREEMPTED;
      const victim = workers().get(uid);
      if (!victim) return;
      events.pod(victim.facts.pod, victim.facts, { type: 'Warning', reason, message });
      victim.terminate({ cause: 'preempted', reason, message, condition });
    });
  }

  /** A label may have been set a moment ago, and the watch not have told it yet. */
  async #freshView(): Promise<NodeView | undefined> {
    const node = await this.readNode?.();
    this.#node.seen(node ?? this.#node.node);
    return node && this.#view();
  }

  #view(): NodeView {
    const { node } = this.#node;
    return ledgerView({ ...node, status: { ...node.status, allocatable: this.#node.allocatable() } }, this.#input);
  }
}

function appArmorProblem(): { appArmorError?: string } {
  try {
    return readFileSync('/sys/module/apparmor/parameters/enabled', 'utf8').startsWith('Y')
      ? {}
      : { appArmorError: 'AppArmor is not enabled on the host' };
  } catch {
    return { appArmorError: 'AppArmor is not enabled on the host' };
  }
}
