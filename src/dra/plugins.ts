// The plug-ins of DRA drivers that are registered on this node.
import { Listeners } from '../lib/disposables.ts';
import type { Logger } from '../lib/logger.ts';
import type { PluginHandler, PluginInfo } from '../plugins/handler.ts';
import { DraPlugin, type DraPluginOptions } from './plugin.ts';
import { chooseService } from './rules/services.ts';

export interface DraPluginsOptions extends Pick<DraPluginOptions, 'onCall' | 'timeoutMs'> {
  readonly log: Logger;
  /** Whether somebody of the driver answers. Told at each change, and when a plug-in comes or goes. */
  onUsable(driver: string, usable: boolean): void;
  /** Listens to the health of a plug-in's devices until disposed; left out: nobody wants to know. */
  listen?(plugin: DraPlugin): Disposable;
}

/** As plug-ins name it when they register. */
const HEALTH_SERVICE = 'v1alpha1.DRAResourceHealth';

/**
 * Registers plug-ins of type `DRAPlugin`. A driver may have several at a time, as in a rolling update: the newest one that is connected is
 * asked.
 */
export class DraPlugins implements PluginHandler, Disposable {
  readonly #options: DraPluginsOptions;
  readonly #byDriver = new Map<string, readonly DraPlugin[]>();
  readonly #listening = new Map<DraPlugin, Disposable>();
  readonly #arrivals = new Listeners<[driver: string]>();

  constructor(options: DraPluginsOptions) {
    this.#options = options;
  }

  /** Whom to ask; throws in kubelet's words when there is none. One that is not connected is better than none: its error says why. */
  require(driver: string): DraPlugin {
    if (driver === '') throw new Error('DRA driver name is empty');
    const plugins = this.#byDriver.get(driver) ?? [];
    const found = plugins.findLast(({ connected }) => connected) ?? plugins.at(-1);
    if (!found) throw new Error(`DRA driver ${driver} is not registered`);
    return found;
  }

  /** Calls `listener` with the driver when one of its plug-ins has registered or is connected again. */
  onArrival(listener: (driver: string) => void): Disposable {
    return this.#arrivals.add(listener);
  }

  validate({ name, endpoint, versions }: PluginInfo): void {
    chooseService(name, endpoint, versions);
  }

  register({ name: driver, endpoint, versions }: PluginInfo): void {
    const service = chooseService(driver, endpoint, versions);
    const others = this.#byDriver.get(driver) ?? [];
    if (others.some((one) => one.endpoint === endpoint))
      throw new Error(`endpoint ${endpoint} already registered for DRA driver plugin ${driver}`);
    const { onCall, timeoutMs, log } = this.#options;
    const plugin = new DraPlugin({ driver, endpoint, service, onCall, timeoutMs }, () => this.#changed(plugin));
    this.#byDriver.set(driver, [...others, plugin]);
    const { listen } = this.#options;
    if (listen && versions.includes(HEALTH_SERVICE)) this.#listening.set(plugin, listen(plugin));
    log.info('A DRA driver is registered', { driver, endpoint, service });
    this.#tell(driver);
    this.#arrivals.emit(driver);
  }

  deregister({ name: driver, endpoint }: PluginInfo): void {
    const plugins = this.#byDriver.get(driver) ?? [];
    const gone = plugins.find((one) => one.endpoint === endpoint);
    if (!gone) return;
    const left = plugins.filter((one) => one !== gone);
    if (left.length > 0) this.#byDriver.set(driver, left);
    else this.#byDriver.delete(driver);
    this.#end(gone);
    this.#options.log.info('A DRA driver is no longer registered', { driver, endpoint });
    this.#tell(driver);
  }

  [Symbol.dispose](): void {
    for (const plugins of this.#byDriver.values()) for (const plugin of plugins) this.#end(plugin);
    this.#byDriver.clear();
  }

  #end(plugin: DraPlugin): void {
    this.#listening.get(plugin)?.[Symbol.dispose]();
    this.#listening.delete(plugin);
    plugin[Symbol.dispose]();
  }

  #changed(plugin: DraPlugin): void {
    const { driver, connected } = plugin;
    if (!this.#byDriver.get(driver)?.includes(plugin)) return;
    this.#tell(driver);
    if (connected) this.#arrivals.emit(driver);
  }

  #tell(driver: string): void {
    const plugins = this.#byDriver.get(driver) ?? [];
    this.#options.onUsable(
      driver,
      plugins.some(({ connected }) => connected),
    );
  }
}
