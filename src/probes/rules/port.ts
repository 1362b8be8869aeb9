import type { Container, IntOrString } from '../../types/k8s.ts';

/** A port, or why there is none. */
export type PortOrProblem = { readonly port: number } | { readonly problem: string };

/** The number of a probe's or hook's port: itself, the container's port of that name, or a number written as text. */
export function resolvePort(value: IntOrString, container: Container): PortOrProblem {
  const port = typeof value === 'number' ? value : (namedPort(value, container) ?? decimal(value));
  if (port === undefined) return { problem: `strconv.Atoi: parsing "${value}": invalid syntax` };
  return port > 0 && port < 65536 ? { port } : { problem: `invalid port number: ${port}` };
}

function namedPort(name: string, container: Container): number | undefined {
  return container.ports?.find((port) => port.name === name)?.containerPort;
}

function decimal(text: string): number | undefined {
  return /^[-+]?\d+$/.test(text) ? Number(text) : undefined;
}

/** `host:port`, an IPv6 host in brackets. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
