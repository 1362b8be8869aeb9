import type { NodeEvent } from '../../events/event.ts';
import type { Node, NodeStatus, NodeSystemInfo } from '../../types/k8s.ts';
import type { NodeSettings, NodeStatusFacts } from '../types.ts';
import { nodeAddresses, PROVIDED_NODE_IP } from './addresses.ts';
import { nodeAllocatable, nodeCapacity } from './capacity.ts';
import { nodeConditions } from './conditions.ts';
import { nodeInfo } from './nodeInfo.ts';
import { declaredFeatures, nodeFeatures, nodeImages, nodeRuntimeHandlers } from './runtimeFields.ts';

/** The node as it should be now, with what there is to tell about the way there. */
export interface NextNode {
  readonly node: Node;
  readonly events: readonly NodeEvent[];
  readonly problems: readonly string[];
}

/**
 * Brings a Node object up to date: its status, the labels that must be there, and the annotation of `--node-ip`. Pure; every
 * field of others (taints, podCIDR, volumesAttached, foreign conditions and resources) is kept. `now` is RFC 3339.
 */
export function nextNode(original: Node, settings: NodeSettings, facts: NodeStatusFacts, now: string): NextNode {
  const status = original.status ?? {};
  const { machine, runtime } = facts;
  const addresses = nodeAddresses(status.addresses ?? [], settings, facts.addresses);
  const capacity = nodeCapacity(status.capacity ?? {}, machine, settings, facts.devices);
  const allocatable = nodeAllocatable(status.allocatable ?? {}, capacity, machine, settings, facts.devices);
  const old: Partial<NodeSystemInfo> = status.nodeInfo ?? {};
  const info = nodeInfo(old, settings.nodeName, machine, facts.runtimeVersion);
  const { localStorageIsolation, nodeName } = settings;
  const conditions = nodeConditions(status.conditions ?? [], { nodeName, facts, capacity, localStorageIsolation, now });
  const features = nodeFeatures(runtime);
  const declared = declaredFeatures(settings.enabledGates, runtime);

  const next: NodeStatus = {
    ...status,
    ...(addresses.value.addresses && { addresses: addresses.value.addresses }),
    capacity,
    allocatable,
    conditions: conditions.value,
    nodeInfo: info.value,
    daemonEndpoints: { kubeletEndpoint: { Port: settings.kubeletPort } },
    ...(facts.images && { images: nodeImages(facts.images, settings.maxImages) }),
    ...(runtime.handlers && { runtimeHandlers: nodeRuntimeHandlers(runtime) }),
    ...(features && { features }),
    ...((declared.length > 0 || status.declaredFeatures) && { declaredFeatures: declared }),
    ...(facts.volumesInUse && { volumesInUse: facts.volumesInUse }),
  };
  return {
    node: {
      ...original,
      metadata: nextMetadata(original, settings, facts, addresses.value.providedNodeIP),
      status: next,
    },
    events: [...(info.events ?? []), ...(conditions.events ?? [])],
    problems: addresses.problems ?? [],
  };
}

function nextMetadata(
  original: Node,
  settings: NodeSettings,
  { machine }: NodeStatusFacts,
  nodeIP: string | undefined,
) {
  const { [PROVIDED_NODE_IP]: _, ...others } = original.metadata?.annotations ?? {};
  return {
    ...original.metadata,
    name: original.metadata?.name ?? settings.nodeName,
    labels: {
      ...original.metadata?.labels,
      'kubernetes.io/os': 'linux',
      'kubernetes.io/arch': machine.architecture,
    },
    annotations: nodeIP === undefined ? others : { ...others, [PROVIDED_NODE_IP]: nodeIP },
  };
}
