import { readFile } from 'node:fs/promises';
import type { Logger } from '../../lib/logger.ts';

const UPSTREAM = '/run/systemd/resolve/resolv.conf';

/** Warns when Pods would inherit a resolver that only the node itself can reach; CoreDNS then asks itself in a loop. */
export async function noteLoopbackResolver(resolvConf: string, log: Logger): Promise<void> {
  if (resolvConf === '') return;
  const text = await readFile(resolvConf, 'utf8').catch(() => '');
  if (!onlyLoopback(text)) return;
  const hint = text.includes('127.0.0.53') ? `set resolvConf to ${UPSTREAM} (systemd-resolved)` : 'set resolvConf';
  log.warn('resolvConf names only resolvers on loopback addresses, which Pods cannot reach', { resolvConf, hint });
}

/** Whether every nameserver of a resolv.conf(5) is a loopback address, and there is one. */
export function onlyLoopback(text: string): boolean {
  const servers = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, server = '']) => server);
  return servers.length > 0 && servers.every((server) => server.startsWith('127.') || server === '::1');
}
