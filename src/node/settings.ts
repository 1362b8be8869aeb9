import { hostname } from 'node:os';
import type { FeatureGates } from '../config/featureGates.ts';
import type { KubeletConfiguration } from '../config/kubeletConfiguration.ts';
import type { KubeletOptions } from '../config/options.ts';
import { reservedLists } from '../config/reservations.ts';
import { parseNodeIPs } from './rules/addresses.ts';
import type { NodeSettings } from './types.ts';

/** The Node's name: the flag, else the hostname, in lower case. */
export function nodeNameOf(options: KubeletOptions): string {
  return (options.hostnameOverride || hostname()).trim().toLowerCase();
}

/** What the configuration says about the Node. */
export function nodeSettings(config: KubeletConfiguration, options: KubeletOptions, gates: FeatureGates): NodeSettings {
  return {
    nodeName: nodeNameOf(options),
    hostname: nodeNameOf(options),
    nodeIPs: parseNodeIPs(options.nodeIp).ips,
    externalCloud: options.cloudProvider === 'external',
    ...(config.providerID ? { providerID: config.providerID } : {}),
    labels: options.nodeLabels,
    taints: config.registerWithTaints ?? [],
    controllerAttachDetach: config.enableControllerAttachDetach,
    maxPods: config.maxPods,
    podsPerCore: config.podsPerCore,
    ...reservedLists(config),
    evictionHard: options.experimentalAllocatableIgnoreEviction ? {} : config.evictionHard,
    kubeletPort: config.port,
    maxImages: config.nodeStatusMaxImages,
    localStorageIsolation: config.localStorageCapacityIsolation,
    enabledGates: gates.list().flatMap((gate) => (gate.enabled ? [gate.name] : [])),
  };
}
