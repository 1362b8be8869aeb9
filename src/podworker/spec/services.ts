import type { Service } from '../../types/k8s.ts';

/** Service whose variables every container gets, links or not: the in-cluster client configuration reads them. */
const API_SERVICE = 'kubernetes';

/**
 * The variables that name the services a Pod may use: those of its own namespace when `enableServiceLinks`, and always
 * `kubernetes` of the namespace `default`. Services without a cluster IP are left out. The order is by service name.
 */
export function serviceVariables(
  services: readonly Service[],
  namespace: string,
  enableServiceLinks: boolean,
): Map<string, string> {
  const byName = new Map<string, Service>();
  for (const service of services) {
    const { name = '', namespace: home } = service.metadata ?? {};
    if (!hasClusterIP(service)) continue;
    if (home === 'default' && name === API_SERVICE) {
      // A service of that name in the Pod's own namespace wins.
      if (!byName.has(name)) byName.set(name, service);
    } else if (home === namespace && enableServiceLinks) byName.set(name, service);
  }
  const names = [...byName.keys()].sort();
  return new Map(names.flatMap((name) => variablesOf(name, byName.get(name)!)));
}

function hasClusterIP(service: Service): boolean {
  const ip = service.spec?.clusterIP;
  return ip !== undefined && ip !== '' && ip !== 'None';
}

/** `MY_SVC_SERVICE_HOST` and its kin, then those that Docker's container links had. */
function variablesOf(name: string, service: Service): [string, string][] {
  const prefix = variableName(name);
  const ip = service.spec?.clusterIP ?? '';
  const host = ip.includes(':') ? `[${ip}]` : ip;
  const ports = service.spec?.ports ?? [];
  const result: [string, string][] = [[`${prefix}_SERVICE_HOST`, ip]];
  if (ports[0]) result.push([`${prefix}_SERVICE_PORT`, String(ports[0].port)]);
  for (const port of ports) {
    if (port.name) result.push([`${prefix}_SERVICE_PORT_${variableName(port.name)}`, String(port.port)]);
  }
  for (const [index, { port, protocol }] of ports.entries()) {
    const proto = protocol || 'TCP';
    const url = `${proto.toLowerCase()}://${host}:${port}`;
    const link = `${prefix}_PORT_${port}_${proto.toUpperCase()}`;
    if (index === 0) result.push([`${prefix}_PORT`, url]);
    result.push(
      [link, url],
      [`${link}_PROTO`, proto.toLowerCase()],
      [`${link}_PORT`, String(port)],
      [`${link}_ADDR`, ip],
    );
  }
  return result;
}

function variableName(text: string): string {
  return text.replaceAll('-', '_').toUpperCase();
}
