import type { Metrics } from '../../k8s/metrics/metrics.ts';
import type { PodTable } from '../../pods/table.ts';

/** The reasons that kubelet counts by their own names; Pods cannot add to them. */
const COUNTED: ReadonlySet<string> = new Set([
  ...['AppArmor', 'PodOSSelectorNodeLabelDoesNotMatch', 'PodOSNotSupported', 'InvalidNodeInfo'],
  ...['InitContainerRestartPolicyForbidden', 'SupplementalGroupsPolicyNotSupported', 'UnexpectedAdmissionError'],
  ...[
    'UnknownReason',
    'UnexpectedPredicateFailureType',
    'OutOfcpu',
    'OutOfmemory',
    'OutOfephemeral-storage',
    'OutOfpods',
  ],
  ...['PodLevelResourcesNotSupported', 'PodFeatureUnsupported', "node(s) had taints that the pod didn't tolerate"],
  ...['Evicted', 'SysctlForbidden', 'TopologyAffinityError', 'NodeShutdown', 'VolumeAttachmentLimitExceeded'],
]);

/** The label of a rejection, as kubelet has it. */
export function rejectionLabel(reason: string): string {
  if (COUNTED.has(reason)) return reason;
  return reason.startsWith('OutOf') ? 'OutOfExtendedResources' : 'Other';
}

/** kubelet_admission_rejections_total: Pods that the node rejected, each once, from now on. */
export function countRejections(m: Metrics, table: PodTable): void {
  const rejections = m.counter('kubelet_admission_rejections_total');
  const counted = new Set<string>();
  table.onDecided(({ uid, reasons }) => {
    const rejected = reasons.find((reason) => reason.code === 'Rejected');
    if (!rejected || counted.has(uid)) return;
    counted.add(uid);
    rejections.inc({ reason: rejectionLabel(rejected.reason) });
  });
  table.onEnded((uid) => counted.delete(uid));
}
