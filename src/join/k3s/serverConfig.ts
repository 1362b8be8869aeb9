import { isIP } from 'node:net';
import { KubeletError } from '../../lib/errors.ts';

/**
 * What a node needs to know of the server's configuration. The server sends much more, a secret among it (IPSECPSK): only these fields
 * are ever taken out of its answer.
 */
export interface ServerConfig {
  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
  /** Port of the API server. */
  readonly httpsPort: number;
  /** Port of the supervisor; the same in k3s. */
  readonly supervisorPort: number;
  /** How the API server reaches kubelets: `agent` (the default), `pod` and `cluster` through the tunnel, `disabled` directly. */
  readonly egressSelectorMode: string;
  readonly flannelBackend: string;
  /** Without k3s' cloud controller nobody waits for annotations of it, and kubelet writes its own addresses. */
  readonly disableCCM: boolean;
  readonly disableKubeProxy: boolean;
  readonly minTLSVersion: string;
  readonly cipherSuites: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

/** Reads the answer to `/v1-k3s/config`. Throws a sentence that quotes nothing of it. */
export function readServerConfig(body: Buffer): ServerConfig {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    throw unusable('it is no JSON');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw unusable('it is no JSON object');
  return pick(json as Json);
}

function pick(json: Json): ServerConfig {
  const several = list(json, 'ClusterDNSs');
  const one = text(json, 'ClusterDNS');
  const clusterDNS = several.length > 0 ? several : one === '' ? [] : [one];
  const wrong = clusterDNS.find((ip) => isIP(ip) === 0);
  if (wrong !== undefined) throw unusable('ClusterDNS is no IP address');
  const httpsPort = port(json, 'HTTPSPort') ?? 6443;
  return {
    clusterDNS,
    clusterDomain: text(json, 'ClusterDomain') || 'cluster.local',
    httpsPort,
    supervisorPort: port(json, 'SupervisorPort') ?? httpsPort,
    egressSelectorMode: text(json, 'EgressSelectorMode') || 'agent',
    flannelBackend: text(json, 'FlannelBackend'),
    disableCCM: json.DisableCCM === true,
    disableKubeProxy: json.DisableKubeProxy === true,
    minTLSVersion: text(json, 'MinTLSVersion'),
    cipherSuites: list(json, 'CipherSuites'),
  };
}

function text(json: Json, name: string): string {
  const value = json[name];
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string' || value.length > 1024) throw unusable(`${name} is no text`);
  return value;
}

function list(json: Json, name: string): string[] {
  const value = json[name];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > 64 || value.some((each) => typeof each !== 'string' || each.length > 256))
    throw unusable(`${name} is no list of texts`);
  return value;
}

function port(json: Json, name: string): number | undefined {
  const value = json[name];
  if (value === undefined || value === null || value === 0) return undefined;
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > 65_535)
    throw unusable(`${name} is no port`);
  return value as number;
}

function unusable(why: string): KubeletError {
  return new KubeletError(`the server's answer to /v1-k3s/config cannot be used: ${why}; is it a k3s server?`, {
    code: 'InvalidServerConfig',
  });
}
