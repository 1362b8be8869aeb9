// CSI drivers at the plug-ins' door.

import { goQuote } from '../../k8s/goText.ts';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { PluginHandler, PluginInfo } from '../../plugins/handler.ts';
import type { CallRecord } from '../../rpc/connectionOptions.ts';
import { csiSays } from './csiError.ts';
import { CsiDriver } from './driver.ts';
import type { CsiDrivers } from './drivers.ts';
import type { CsiNodeInfo } from './nodeInfo.ts';
import { type CsiVersion, compareVersions, highestSupportedVersion, versionText } from './rules/version.ts';

export interface CsiRegistrationOptions {
  readonly drivers: CsiDrivers;
  /** null: no API server, so no driver can be used: nobody could say where its volumes are. */
  readonly nodeInfo: Pick<CsiNodeInfo, 'install' | 'uninstall'> | null;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onCall?: (driver: string, call: CallRecord) => void;
}

/**
 * Registers CSI drivers (type `CSIPlugin`): one that speaks 1.x and says which node this is goes into the table of drivers and into the
 * CSINode. Of two with one name the one with the higher version wins, and the other is told so; it is tried again when it is made anew.
 */
export class CsiRegistration implements PluginHandler {
  readonly #options: CsiRegistrationOptions;
  /** By registration socket: only its own driver is taken out of use with it. */
  readonly #bySocket = new Map<string, CsiDriver>();

  constructor(options: CsiRegistrationOptions) {
    this.#options = options;
  }

  validate({ name, endpoint, versions }: PluginInfo): void {
    try {
      this.#version('ValidatePlugin', name, versions);
    } catch (error) {
      throw new KubeletError(
        `validation failed for CSI Driver ${name} at endpoint ${endpoint}: ${errorMessage(error)}`,
        { code: 'CsiDriverRefused', cause: error },
      );
    }
  }

  async register(plugin: PluginInfo, signal: AbortSignal): Promise<void> {
    const { drivers, nodeInfo, clock, log, onCall } = this.#options;
    const { name, endpoint, socket } = plugin;
    const version = this.#version('RegisterPlugin', name, plugin.versions);
    const driver = new CsiDriver({ name, endpoint, version, clock, ...(onCall && { onCall }) });
    // In use from now on: a Pod that ends while the API server is away must not wait for it.
    drivers.set(driver);
    this.#bySocket.set(socket, driver);
    try {
      if (!nodeInfo) throw refused('error updating Node object with CSI driver node info: error getting kube client');
      await nodeInfo.install(name, await driver.nodeInfo(signal), signal);
    } catch (error) {
      await this.#leave(plugin, driver, AbortSignal.timeout(LEAVE_MS));
      throw error;
    }
    log.info('A CSI driver is registered', { driver: name, endpoint, version: versionText(version) });
  }

  async deregister(plugin: PluginInfo, signal: AbortSignal): Promise<void> {
    const driver = this.#bySocket.get(plugin.socket);
    if (driver) await this.#leave(plugin, driver, signal);
  }

  /** The table is cleared first: whatever becomes of the API calls, nobody calls it any more. */
  async #leave({ name, socket }: PluginInfo, driver: CsiDriver, signal: AbortSignal): Promise<void> {
    const { drivers, nodeInfo, log } = this.#options;
    if (this.#bySocket.get(socket) === driver) this.#bySocket.delete(socket);
    const current = drivers.get(name) === driver;
    drivers.remove(driver);
    if (!current || !nodeInfo) return;
    try {
      await nodeInfo.uninstall(name, signal);
    } catch (error) {
      // As in kubelet only logged: the next registration of that name puts it right.
      log.error('A CSI driver that left is still in the CSINode', { driver: name, error: errorMessage(error) });
    }
  }

  #version(caller: string, name: string, versions: readonly string[]): CsiVersion {
    const what = `${caller} for CSI driver ${goQuote(name)} failed.`;
    if (versions.length === 0) throw refused(csiSays(`${what} Plugin returned an empty list for supported versions`));
    const version = highestSupportedVersion(versions);
    if (typeof version === 'string')
      throw refused(
        csiSays(
          `${what} None of the versions specified [${versions.map(goQuote).join(' ')}] are supported. err=${version}`,
        ),
      );
    const existing = this.#options.drivers.get(name);
    if (existing && compareVersions(existing.version, version) >= 0)
      throw refused(
        csiSays(
          `${what} Another driver with the same name is already registered with a higher supported version: ${goQuote(versionText(existing.version))}`,
        ),
      );
    return version;
  }
}

/** How long a driver that was refused is taken out of the CSINode at most. */
const LEAVE_MS = 10_000;

function refused(message: string): KubeletError {
  return new KubeletError(message, { code: 'CsiDriverRefused' });
}
