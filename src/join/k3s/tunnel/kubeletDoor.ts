import { createConnection, isIP, type Socket } from 'node:net';

/** Where the kubelet serves. */
export interface KubeletDoor {
  /** As configured: an address of this machine, or all of them (`0.0.0.0`, `::`). */
  readonly address: string;
  readonly port: number;
}

/**
 * Where a tunnel's connection to `address` leads: to the kubelet's own port, which the server names by a loopback address. undefined
 * for everything else: the server is trusted with this node's Pods, not with what else listens on its networks.
 */
export function doorFor(
  door: KubeletDoor,
  protocol: string,
  address: string,
): { host: string; port: number } | undefined {
  const at = address.lastIndexOf(':');
  if (protocol !== 'tcp' || at < 0 || address.slice(at + 1) !== String(door.port)) return undefined;
  const host = address.slice(0, at).replace(/^\[(.*)\]$/, '$1');
  const isLoopback = host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
  if (!isLoopback) return undefined;
  if (door.address === '0.0.0.0') return { host: '127.0.0.1', port: door.port };
  return { host: door.address === '::' ? '::1' : door.address, port: door.port };
}

/** Opens a connection to the kubelet, or not (`doorFor`). */
export function dialKubelet(door: KubeletDoor, protocol: string, address: string): Socket | undefined {
  const to = doorFor(door, protocol, address);
  return to && createConnection({ ...to, noDelay: true });
}
