import { textOf } from '../../config/certificates/pairStore.ts';
import { writeAtomically } from '../../lib/writeAtomically.ts';
import type { Trust } from './ask.ts';
import { caHash } from './caHash.ts';
import { readServerConfig, type ServerConfig } from './serverConfig.ts';

/** What a join learned, for a start at which no server answers. Holds no secret. */
export interface Known {
  readonly url: string;
  readonly nodeName: string;
  readonly trust: Trust;
  readonly server: ServerConfig;
  readonly apiServers: readonly string[];
}

export async function writeKnown(file: string, known: Known): Promise<void> {
  const { clusterDNS, clusterDomain, httpsPort, supervisorPort, ...rest } = known.server;
  // In the server's own words, so that the same reader checks it.
  const config = {
    ClusterDNSs: clusterDNS,
    ClusterDomain: clusterDomain,
    HTTPSPort: httpsPort,
    SupervisorPort: supervisorPort,
    EgressSelectorMode: rest.egressSelectorMode,
    FlannelBackend: rest.flannelBackend,
    DisableCCM: rest.disableCCM,
    DisableKubeProxy: rest.disableKubeProxy,
    MinTLSVersion: rest.minTLSVersion,
    CipherSuites: rest.cipherSuites,
  };
  await writeAtomically(file, `${JSON.stringify({ ...known, server: config })}\n`);
}

/** undefined: there is nothing, or it is of another server, node or CA than is asked for. */
export async function readKnown(
  file: string,
  url: string,
  nodeName: string,
  pinned: string | undefined,
): Promise<Known | undefined> {
  try {
    const known = JSON.parse((await textOf(file)) ?? 'null') as (Omit<Known, 'server'> & { server: unknown }) | null;
    if (known?.url !== url || known.nodeName !== nodeName || !Array.isArray(known.apiServers)) return undefined;
    const { trust } = known;
    if (pinned !== undefined && typeof trust === 'object' && caHash(Buffer.from(trust.ca, 'latin1')) !== pinned)
      return undefined;
    if (typeof trust !== 'object' && trust !== 'system') return undefined;
    return { ...known, server: readServerConfig(Buffer.from(JSON.stringify(known.server))) };
  } catch {
    return undefined; // it is only a memory: without it the node waits for its server
  }
}
