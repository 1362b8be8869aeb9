import { BlockList, isIP } from 'node:net';
import { textOf } from '../../config/certificates/pairStore.ts';

const LOCAL = new BlockList();
for (const [net, bits] of [
  ['127.0.0.0', 8],
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
] as const)
  LOCAL.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of [
  ['::', 127],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  LOCAL.addSubnet(net, bits, 'ipv6');

/** The files that k3s looks at; the second has the real resolvers where the first names systemd's own. */
const CANDIDATES = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];

/** The first of the machine's resolver configurations that Pods can use too; undefined when each names an address of the machine alone. */
export async function usableResolvConf(candidates: readonly string[] = CANDIDATES): Promise<string | undefined> {
  for (const file of candidates) if (isUsable((await textOf(file).catch(() => undefined)) ?? '')) return file;
  return undefined;
}

/** Whether all name servers are addresses that a Pod reaches, and there is one. */
export function isUsable(text: string): boolean {
  const servers = [...text.matchAll(/^nameserver\s+(\S+)/gm)].map(([, ip = '']) => ip.replace(/%.*$/, ''));
  return (
    servers.length > 0 && servers.every((ip) => isIP(ip) !== 0 && !LOCAL.check(ip, isIP(ip) === 6 ? 'ipv6' : 'ipv4'))
  );
}
