import type { Node } from '../types/k8s.ts';
import { type NextNode, nextNode } from './rules/nextNode.ts';
import type { NodeSettings, NodeStatusFacts } from './types.ts';

/** The annotation that lets the attach-detach controller attach volumes for this node. */
const CONTROLLER_ATTACH = 'volumes.kubernetes.io/controller-managed-attach-detach';

/** The Node object that registers this node. Labels, taints and providerID count only at creation. Pure; `now` is RFC 3339. */
export function initialNode(settings: NodeSettings, facts: NodeStatusFacts, now: string): NextNode {
  const taints = [
    ...settings.taints,
    ...(settings.externalCloud
      ? [{ key: 'node.cloudprovider.kubernetes.io/uninitialized', value: 'true', effect: 'NoSchedule' }]
      : []),
  ];
  const { architecture } = facts.machine;
  const bare: Node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: settings.nodeName,
      labels: {
        'kubernetes.io/hostname': settings.hostname,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': architecture,
        'beta.kubernetes.io/os': 'linux',
        'beta.kubernetes.io/arch': architecture,
        ...settings.labels,
      },
      annotations: settings.controllerAttachDetach ? { [CONTROLLER_ATTACH]: 'true' } : {},
    },
    spec: {
      ...(taints.length > 0 && { taints }),
      ...(settings.providerID && { providerID: settings.providerID }),
    },
  };
  return nextNode(bare, settings, facts, now);
}

/** Labels that are brought in line on a Node that exists already; all others of `--node-labels` are left to its creation. */
const RECONCILED_LABELS = [
  'kubernetes.io/hostname',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'node.kubernetes.io/instance-type',
  'beta.kubernetes.io/instance-type',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
];

/**
 * What an existing Node should look like when the node registers again: labels, the attach-detach annotation, and huge pages
 * as the machine has them now. `resetExtended`: the node was re-created while device plugins are away, so that their
 * resources are 0 until they report.
 */
export function reconciledNode(existing: Node, initial: Node, resetExtended = false): Node {
  const labels = { ...existing.metadata?.labels };
  for (const label of RECONCILED_LABELS) {
    const wanted = initial.metadata?.labels?.[label];
    if (wanted !== undefined) labels[label] = wanted;
    if (labels[label] === '') delete labels[label];
  }
  const { [CONTROLLER_ATTACH]: _, ...others } = existing.metadata?.annotations ?? {};
  const attach = initial.metadata?.annotations?.[CONTROLLER_ATTACH];
  const annotations = attach === undefined ? others : { ...others, [CONTROLLER_ATTACH]: attach };
  const status = {
    ...existing.status,
    capacity: reconciledResources(existing.status?.capacity, initial.status?.capacity, resetExtended),
    allocatable: reconciledResources(existing.status?.allocatable, initial.status?.allocatable, resetExtended),
  };
  return { ...existing, metadata: { ...existing.metadata, labels, annotations }, status };
}

type Resources = Readonly<Record<string, string>>;

function reconciledResources(
  existing: Resources | undefined,
  initial: Resources = {},
  resetExtended: boolean,
): Resources {
  if (!existing) return initial;
  const isHugePages = (name: string) => name.startsWith('hugepages-');
  const kept = Object.entries(existing).filter(([name]) => !isHugePages(name));
  const isExtended = (name: string) => name.includes('/') && !name.includes('kubernetes.io/');
  return Object.fromEntries([
    ...kept.map(([name, amount]) => [name, resetExtended && isExtended(name) ? '0' : amount]),
    ...Object.entries(initial).filter(([name]) => isHugePages(name)),
  ]);
}
