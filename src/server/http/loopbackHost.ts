import { isIPv4 } from 'node:net';

/**
 * Whether a Host header names this machine's loopback. A page in a browser can have a name of its own resolve to 127.0.0.1 and
 * then read what is served there (DNS rebinding); the browser still sends that name.
 */
export function isLoopbackHost(header: string | undefined): boolean {
  const name = /^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/.exec(header ?? '')?.[1]?.toLowerCase() ?? '';
  return name === 'localhost' || name === '[::1]' || (isIPv4(name) && name.startsWith('127.'));
}
