import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { isIP } from './rules/ip.ts';
import type { AddressFacts } from './types.ts';

/** A resolver that does not answer must not hold up the heartbeat. */
const LOOKUP_MS = 2_000;

type Interfaces = Readonly<
  Record<string, readonly { readonly address: string; readonly scopeid?: number }[] | undefined>
>;

/** Reads the machine's addresses. `resolveName` is the node's name if it is to be looked up. Rejects never. */
export async function readAddressFacts(resolveName?: string): Promise<AddressFacts> {
  const interfaces = networkInterfaces() as Interfaces;
  const [resolved, route4, route6] = await Promise.all([
    resolveName === undefined || isIP(resolveName) ? [] : resolve(resolveName),
    readFile('/proc/net/route', 'utf8').catch(() => ''),
    readFile('/proc/net/ipv6_route', 'utf8').catch(() => ''),
  ]);
  const defaultIPv4 = globalAddress(interfaces, defaultDevice4(route4), false);
  const defaultIPv6 = globalAddress(interfaces, defaultDevice6(route6), true);
  return {
    local: Object.values(interfaces).flatMap((list) => (list ?? []).map(({ address }) => address)),
    resolved,
    ...(defaultIPv4 && { defaultIPv4 }),
    ...(defaultIPv6 && { defaultIPv6 }),
  };
}

async function resolve(name: string): Promise<string[]> {
  const late = Promise.withResolvers<[]>();
  const timer = setTimeout(late.resolve, LOOKUP_MS, []);
  try {
    const found = await Promise.race([lookup(name, { all: true, order: 'verbatim' }), late.promise]);
    return found.map(({ address }) => address);
  } catch {
    return []; // a name that does not resolve is a normal case: the default route decides then
  } finally {
    clearTimeout(timer);
  }
}

/** The device of the IPv4 default route in /proc/net/route. */
export function defaultDevice4(table: string): string | undefined {
  const rows = table.split('\n').map((line) => line.split('\t'));
  return rows.find((row) => row[1] === '00000000' && (Number.parseInt(row[3] ?? '0', 16) & 3) === 3)?.[0];
}

/** The device of the IPv6 default route in /proc/net/ipv6_route. */
export function defaultDevice6(table: string): string | undefined {
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/));
  const zero = '0'.repeat(32);
  return rows.find((row) => row[0] === zero && row[1] === '00' && row[4] !== zero && row[9] !== 'lo')?.[9];
}

/** The first address of the device that others can reach. */
function globalAddress(interfaces: Interfaces, device: string | undefined, v6: boolean): string | undefined {
  const list = device === undefined ? [] : (interfaces[device] ?? []);
  return list
    .map(({ address }) => address)
    .find((ip) => ip.includes(':') === v6 && !/^(127\.|169\.254\.|::1$|fe[89ab][0-9a-f]:)/i.test(ip));
}
