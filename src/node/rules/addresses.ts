import type { NodeAddress } from '../../types/k8s.ts';
import type { AddressFacts, NodeSettings, Update } from '../types.ts';
import { canonicalIP, isIP, isIPv4, isUnspecified } from './ip.ts';

/** The annotation by which an external cloud provider learns the address that `--node-ip` names. */
export const PROVIDED_NODE_IP = 'alpha.kubernetes.io/provided-node-ip';

type Settings = Pick<NodeSettings, 'nodeName' | 'hostname' | 'nodeIPs' | 'externalCloud'>;

/** The node's addresses and annotation; `addresses` undefined: leave those that are there. */
export interface AddressUpdate {
  readonly addresses?: readonly NodeAddress[];
  readonly providedNodeIP?: string;
}

/**
 * Chooses the node's addresses: `--node-ip`, else the hostname if it is an address, else what the name resolves to, else the
 * interface of the default route; IPv4 first unless `--node-ip` is `::`. With an external cloud the provider's addresses stay.
 */
export function nodeAddresses(
  existing: readonly NodeAddress[],
  settings: Settings,
  facts: AddressFacts,
): Update<AddressUpdate> {
  const [first, second] = settings.nodeIPs;
  const wanted = [first, second].filter((ip): ip is string => ip !== undefined && !isUnspecified(ip));
  for (const ip of wanted) {
    const error = nodeIPError(ip, facts.local);
    if (error) return { value: {}, problems: [`failed to validate nodeIP: ${error}`] };
  }
  const isNamed = first !== undefined && !isUnspecified(first);
  const annotation = settings.externalCloud && isNamed ? { providedNodeIP: wanted.join(',') } : {};
  if (settings.externalCloud && existing.length > 0) return { value: annotation };
  if (settings.externalCloud && first === undefined)
    return { value: { ...annotation, addresses: [hostName(settings)] } };
  const ips = isNamed ? wanted : foundAddress(settings, facts);
  if (ips.length === 0) {
    return {
      value: annotation,
      problems: [`can't get ip address of node ${settings.nodeName}: no default route has one`],
    };
  }
  const internal = ips.map((address) => ({ type: 'InternalIP', address }));
  return { value: { ...annotation, addresses: [...internal, hostName(settings)] } };
}

function hostName({ hostname }: Settings): NodeAddress {
  return { type: 'Hostname', address: hostname };
}

function foundAddress({ hostname, nodeIPs }: Settings, facts: AddressFacts): string[] {
  if (isIP(hostname)) return [hostname];
  const prefersIPv4 = nodeIPs[0] === undefined || isIPv4(nodeIPs[0]);
  const usable = facts.resolved.filter((ip) => nodeIPError(ip, facts.local) === undefined);
  const byName = usable.find((ip) => isIPv4(ip) === prefersIPv4) ?? usable[0];
  const { defaultIPv4, defaultIPv6 } = facts;
  const byRoute = prefersIPv4 ? (defaultIPv4 ?? defaultIPv6) : (defaultIPv6 ?? defaultIPv4);
  return [byName ?? byRoute].filter((ip) => ip !== undefined);
}

/** Why an address cannot be this node's; undefined if it can. */
export function nodeIPError(ip: string, local: readonly string[]): string | undefined {
  if (!isIP(ip)) return 'nodeIP must be a valid IP address';
  if (/^127\.|^::1$/.test(ip)) return "nodeIP can't be loopback address";
  const lower = ip.toLowerCase();
  const isMulticast = isIPv4(ip) ? Number(ip.split('.')[0]) >> 4 === 14 : lower.startsWith('ff');
  if (isMulticast) return "nodeIP can't be a multicast address";
  if (/^169\.254\.|^fe[89ab][0-9a-f]:/.test(lower)) return "nodeIP can't be a link-local unicast address";
  if (isUnspecified(ip)) return "nodeIP can't be an all zeros address";
  const same = canonicalIP(ip);
  return local.some((one) => canonicalIP(one) === same)
    ? undefined
    : `node IP: "${ip}" not found in the host's network interfaces`;
}

/**
 * Parses `--node-ip`: nothing, one address, or two of different families. Throws with the reason. Entries that are no
 * addresses are skipped, as kubelet does; `invalid` names them.
 */
export function parseNodeIPs(argument: string): {
  readonly ips: readonly string[];
  readonly invalid: readonly string[];
} {
  const parts = argument === '' ? [] : argument.split(',').map((part) => part.trim());
  const ips = parts.filter((part) => isIP(part)).map(canonicalIP);
  const invalid = parts.filter((part) => !isIP(part));
  if (ips.length > 2 || (ips.length === 2 && isIPv4(ips[0]!) === isIPv4(ips[1]!))) {
    throw new Error('must contain either a single IP or a dual-stack pair of IPs');
  }
  if (ips.length === 2 && ips.some(isUnspecified)) {
    throw new Error("dual-stack node IP cannot include '0.0.0.0' or '::'");
  }
  return { ips, invalid };
}
