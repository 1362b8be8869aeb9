import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import { socketPathProblem } from '../lib/linux/unixAddress.ts';

/** Where the explanations are served unless a flag says otherwise: below the root directory. */
export function defaultDebugSocket(rootDir: string): string {
  return join(rootDir, 'kubelet-ts', 'debug.sock');
}

/** The socket that the flags of the agent ask for; undefined for none. */
export function socketOf(options: { readonly tsDebugSocket: string; readonly rootDir: string }): string | undefined {
  if (options.tsDebugSocket === 'off') return undefined;
  return options.tsDebugSocket || defaultDebugSocket(options.rootDir);
}

/** What is wrong with a value of --ts-debug-socket. */
export function debugSocket(value: string): string | undefined {
  if (value === '' || value === 'off') return undefined;
  return value.startsWith('/') ? socketPathProblem(value) : "must be 'off' or the absolute path of a unix socket";
}

/** What is wrong with a value of --ts-debug-address: what is served shows Pods' specs to everybody who asks, so it stays on the machine. */
export function debugAddress(value: string): string | undefined {
  return value === 'off' || isLoopback(value)
    ? undefined
    : "must be 'off' or a loopback address with a port, such as 127.0.0.1:10247";
}

/** Whether `value` is a loopback address with a port. */
export function isLoopback(value: string): boolean {
  const { host, port } = hostAndPort(value);
  return (host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))) && port > 0;
}

/** The parts of `HOST:PORT`; an IPv6 address stands in brackets. Port 0 when there is none. */
export function hostAndPort(value: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-f:]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(value);
  const port = Number(match?.[3] ?? 0);
  return { host: match?.[1] ?? match?.[2] ?? '', port: port <= 65_535 ? port : 0 };
}
