import type { NodeSystemInfo } from '../../types/k8s.ts';
import type { MachineFacts, Update } from '../types.ts';

/** The version that this program stands in for; kubectl and kubeadm compare it. */
const KUBELET_VERSION = 'v1.36.3';

/**
 * status.nodeInfo. A boot id that differs from the last one asks for a Rebooted Event. `runtimeVersion` undefined: the
 * runtime does not answer, and its last known version stays.
 */
export function nodeInfo(
  existing: Partial<NodeSystemInfo>,
  nodeName: string,
  machine: MachineFacts,
  runtimeVersion: string | undefined,
): Update<NodeSystemInfo> {
  const value: NodeSystemInfo = {
    ...existing,
    machineID: machine.machineID,
    systemUUID: machine.systemUUID,
    bootID: machine.bootID,
    kernelVersion: machine.kernelVersion,
    osImage: machine.osImage,
    containerRuntimeVersion: runtimeVersion ?? existing.containerRuntimeVersion ?? 'unknown://Unknown',
    kubeletVersion: KUBELET_VERSION,
    kubeProxyVersion: '',
    operatingSystem: 'linux',
    architecture: machine.architecture,
    ...(machine.swapBytes > 0 && { swap: { capacity: machine.swapBytes } }),
  };
  if (!existing.bootID || existing.bootID === machine.bootID) return { value };
  const message = `Node ${nodeName} has been rebooted, boot id: ${machine.bootID}`;
  return { value, events: [{ type: 'Warning', reason: 'Rebooted', message }] };
}
