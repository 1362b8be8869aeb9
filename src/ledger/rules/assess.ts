import { isCriticalPod } from '../../k8s/criticalPod.ts';
import type { StoredPod } from '../../types/k8s.ts';
import type { Amounts, HostPort, NodeView, Rejection } from '../types.ts';
import { checkAppArmor } from './appArmor.ts';
import { checkDeclaredFeatures } from './declaredFeatures.ts';
import { checkDevices } from './devices.ts';
import { type Shortage, shortageRejection, shortages } from './fit.ts';
import { checkPlatform, failedPredicates, predicateRejection } from './predicates.ts';
import { checkPressure } from './pressure.ts';
import { checkSysctls } from './sysctls.ts';

/** A Pod that wants a place, measured. */
export interface Applicant {
  readonly pod: StoredPod;
  readonly qosClass: string;
  /** Without extended resources that the node does not know. */
  readonly requests: Amounts;
  readonly hostPorts: readonly HostPort[];
}

/** What is taken, by the Pods that count for this question. */
export interface Taken {
  readonly pods: number;
  readonly used: Amounts;
  readonly hostPorts: readonly HostPort[];
}

/**
 * The rules' answer. `lacking`: a critical Pod that only room stands in the way of. `onlyAffinity`: nothing but node affinity
 * failed, so fresher labels of the node may change the answer.
 */
export type Assessment =
  | { readonly fits: true }
  | { readonly fits: false; readonly lacking: readonly Shortage[] }
  | { readonly fits: false; readonly rejection: Rejection; readonly onlyAffinity: boolean };

/**
 * Runs kubelet's admission checks in its order. One difference: what room cannot cure (AppArmor, features, shutdown) is
 * checked before a critical Pod may preempt others, so that no Pod is killed for one that is rejected anyway.
 */
export function assess(applicant: Applicant, taken: Taken, node: NodeView): Assessment {
  const { pod } = applicant;
  const before =
    checkPressure(pod, applicant.qosClass, node.pressures) ??
    checkSysctls(pod.spec, node.sysctls) ??
    checkDevices(pod, node.goneDevices) ??
    checkPlatform(pod, node);
  if (before) return reject(before);

  const lacking = shortages(applicant.requests, { ...taken, allocatable: node.allocatable });
  const failed = failedPredicates(pod, applicant.hostPorts, taken.hostPorts, node);
  const mayPreempt = isCriticalPod(pod);
  if (lacking.length > 0 && !mayPreempt) return reject(shortageRejection(lacking[0]!));
  if (failed.length > 0) {
    const onlyAffinity = lacking.length === 0 && failed.every(({ predicate }) => predicate === 'NodeAffinity');
    return { fits: false, rejection: predicateRejection(failed[0]!), onlyAffinity };
  }

  const after = checkAppArmor(pod, node.appArmorError) ?? checkDeclaredFeatures(pod.spec, node.declaredFeatures);
  if (after) return reject(after);
  if (node.shuttingDown) {
    return reject({ reason: 'NodeShutdown', message: 'Pod was rejected as the node is shutting down.' });
  }
  return lacking.length > 0 ? { fits: false, lacking } : { fits: true };
}

function reject(rejection: Rejection): Assessment {
  return { fits: false, rejection, onlyAffinity: false };
}
