import { openLedger } from '../../ledger/admission.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { ResizeSettings } from '../../ledger/types.ts';
import { readLedgerInput } from '../../node/ledgerInput.ts';
import { ledgerView } from '../../node/ledgerView.ts';
import type { SpecNode } from '../../podworker/spec/context.ts';
import { mayUseSwap } from '../../podworker/spec/swap.ts';
import type { ApiConnection } from './api.ts';
import type { NodeStage } from './node.ts';
import type { Base } from './preflight.ts';

/** Of the node what the ledger needs. */
type LedgerParts = Pick<NodeStage, 'events' | 'node' | 'pressure' | 'managers' | 'spec' | 'shuttingDown' | 'devices'>;

/** The ledger, closed, with the node as it is now; `refresh` lets it look at the node again. */
export function openNodeLedger(
  { loaded, nodeName, table, metrics }: Base,
  api: ApiConnection | null,
  { events, node, pressure, managers, spec, shuttingDown, devices }: LedgerParts,
): { readonly ledger: Ledger; refresh(): void } {
  const input = readLedgerInput(loaded.config, nodeName);
  const view = () =>
    ledgerView(node.forAdmission(), { ...input, pressures: pressure.conditions, shuttingDown: shuttingDown.active });
  const preemptions = metrics.metrics.counter('kubelet_preemptions');
  const ledger = openLedger({
    ...{ table, view },
    own: managers,
    resizes: resizeSettings(loaded, spec),
    onInfeasible: (detail) => metrics.resizes.infeasible(detail),
    onPreempted: (resource) => preemptions.inc({ preemption_signal: resource }),
    // A label may have been set a moment ago, and the watch not have told it yet.
    freshView: async () => {
      const fresh = await api?.heartbeat.get('Node', { name: nodeName }, { timeoutMs: 1000 });
      if (!fresh) return undefined;
      node.seen(fresh);
      return view();
    },
    onEvent: ({ pod, ...subject }, event) => events.pod(pod, subject, event),
    devices: devices.places,
  });
  ledger.onResize((_pod, verdict, trigger) => {
    if (verdict.resize === 'granted') metrics.resizes.deferredAccepted(trigger);
  });
  return { ledger, refresh: () => ledger.setNode(view()) };
}

function resizeSettings({ config, gates }: Base['loaded'], spec: SpecNode): ResizeSettings {
  return {
    podLevel: gates.enabled('InPlacePodLevelResourcesVerticalScaling'),
    staticCpus: config.cpuManagerPolicy === 'static' && !gates.enabled('InPlacePodVerticalScalingExclusiveCPUs'),
    staticMemory: config.memoryManagerPolicy === 'Static' && !gates.enabled('InPlacePodVerticalScalingExclusiveMemory'),
    mayUseSwap: (pod, container) => mayUseSwap(pod, container, spec),
  };
}
