import type { Logger } from '../../../lib/logger.ts';
import type { ConfigMap, Container, Pod, Secret, Service } from '../../../types/k8s.ts';
import type { ObjectLookup } from '../../../volumes/contract.ts';
import { envFileKey, envFileReferences, envReferences } from '../../spec/envReferences.ts';
import type { EnvFile, EnvLookups, Fetched } from '../../spec/envTypes.ts';
import { MAX_ENV_FILE_BYTES, readEnvFile } from './envFile.ts';

/** What the node contributes to environments. */
export interface EnvironmentSource {
  readonly hasApiServer: boolean;
  readonly lookup: ObjectLookup;
  readonly log: Logger;
  /** null until the services were read once. */
  services(): readonly Service[] | null;
  hostIPs(): readonly string[];
  allocatable(): Readonly<Record<string, string>> | null;
  /** Where a Pod's volume lies; undefined while it is not mounted. */
  volumePath(uid: string, volume: string): string | undefined;
}

/** Collects everything a container's environment refers to, from the last known state; only env files are read now. */
export async function envLookups(
  source: EnvironmentSource,
  pod: Pod,
  container: Container,
  podIPs: readonly string[],
): Promise<EnvLookups> {
  const configMaps = new Map<string, Fetched<ConfigMap>>();
  const secrets = new Map<string, Fetched<Secret>>();
  for (const r of envReferences(pod, container)) {
    const found = source.lookup.get(r.kind as 'ConfigMap', r.namespace, r.name);
    if (found.state === 'unknown') continue;
    const fetched =
      found.state === 'present' ? { state: 'found' as const, object: found.object } : { state: 'notFound' as const };
    if (r.kind === 'ConfigMap') configMaps.set(r.name, fetched);
    else secrets.set(r.name, fetched as Fetched<Secret>);
  }
  return {
    hasApiServer: source.hasApiServer,
    configMaps,
    secrets,
    services: source.services(),
    files: await envFiles(source, pod, container),
    hostIPs: source.hostIPs(),
    podIPs,
    allocatable: source.allocatable(),
  };
}

/** KEP-3721: variables from a file that an init container wrote into an emptyDir. */
async function envFiles(source: EnvironmentSource, pod: Pod, container: Container): Promise<Map<string, EnvFile>> {
  const files = new Map<string, EnvFile>();
  let left = MAX_ENV_FILE_BYTES;
  for (const reference of envFileReferences(container)) {
    const volume = source.volumePath(pod.metadata?.uid ?? '', reference.volumeName);
    if (volume === undefined) continue;
    const file = await readEnvFile(volume, reference, left);
    files.set(envFileKey(reference), file);
    if (file.state === 'found') left -= file.content.length;
    if (file.state === 'found') continue;
    const { namespace = '', name = '' } = pod.metadata ?? {};
    const { message } = file;
    source.log.warn('the file of an environment variable cannot be read', { pod: `${namespace}/${name}`, message });
  }
  return files;
}
