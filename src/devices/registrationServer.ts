// kubelet's own socket for device plug-ins: they register there, and again whenever it is made anew.
import type { Dirent } from 'node:fs';
import { mkdir, opendir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isExtendedResource } from '../k8s/extendedResource.ts';
import { goQuote } from '../k8s/goText.ts';
import { bounded } from '../lib/bounded.ts';
import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { deviceProtocol } from '../plugins/protocols/device.ts';
import { type RpcServer, startRpcServer } from '../rpc/server.ts';
import { serveService } from '../rpc/service.ts';
import type { DeviceEndpoints } from './endpoints.ts';

/** The version of the protocol that is spoken. */
export const DEVICE_API_VERSION = 'v1beta1';
const SOCKET = 'kubelet.sock';
/** Longest request: a version, an endpoint, a resource name and options. */
const MAX_REQUEST_BYTES = 64 * 1024;
const MAX_CONNECTIONS = 256;
/** Entries of the directory that are looked at. */
const MAX_ENTRIES = 65_536;

export interface RegistrationServerOptions {
  /** `<root>/device-plugins`; made if it is not there. */
  readonly directory: string;
  readonly endpoints: DeviceEndpoints;
  readonly clock: Clock;
  readonly log: Logger;
  /** A plug-in asks to be registered. */
  onRegistration(resource: string): void;
}

/**
 * Clears the directory of sockets, as Go does (who sees its own vanish serves it again), and opens `kubelet.sock`. Rejects with a sentence
 * if it cannot be opened.
 */
export async function serveRegistration(options: RegistrationServerOptions): Promise<RpcServer> {
  const { directory, log, clock } = options;
  await mkdir(directory, { recursive: true, mode: 0o750 });
  await removeSockets(directory, log);
  const service = serveService(deviceProtocol, 'v1beta1.Registration', {
    Register: async ({ version, resourceName, endpoint }, { signal }) => {
      const problem = registrationProblem(resourceName, [version]);
      if (isExtendedResource(resourceName)) options.onRegistration(resourceName);
      if (problem !== undefined) throw new Error(problem);
      log.info('A device plug-in registers', { resource: resourceName, endpoint: bounded(endpoint, 512) });
      await options.endpoints.connect(resourceName, join(directory, endpoint), signal);
      return {};
    },
  });
  return startRpcServer({
    path: join(directory, SOCKET),
    services: [service],
    mode: 0o755,
    maxMessageBytes: MAX_REQUEST_BYTES,
    maxConnections: MAX_CONNECTIONS,
    clock,
  });
}

/** Why a plug-in cannot be registered, in Go's words. */
function registrationProblem(resource: string, versions: readonly string[]): string | undefined {
  if (!versions.includes(DEVICE_API_VERSION))
    return `requested API version ${goQuote(versions[0] ?? '')} is not supported by kubelet. Supported version is ["${DEVICE_API_VERSION}"]`;
  if (!isExtendedResource(resource)) return invalidName(resource);
  return undefined;
}

/** Go's words. */
export function invalidName(resource: string): string {
  return `the ResourceName ${goQuote(resource)} is invalid`;
}

async function removeSockets(directory: string, log: Logger): Promise<void> {
  let left = MAX_ENTRIES;
  for await (const entry of await opendir(directory)) {
    if (left-- === 0) break;
    if (!(await isSocket(directory, entry))) continue;
    const path = join(directory, entry.name);
    await rm(path, { force: true }).catch((error) =>
      log.error('An old socket of a device plug-in could not be removed', { path, error: errorMessage(error) }),
    );
  }
}

/** Also a link to one, as Go has it. */
async function isSocket(directory: string, entry: Dirent): Promise<boolean> {
  if (entry.isSocket()) return true;
  if (!entry.isSymbolicLink()) return false;
  return (await stat(join(directory, entry.name)).catch(() => undefined))?.isSocket() ?? false;
}
