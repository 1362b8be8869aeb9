// Device plug-ins (https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/device-plugins), put together.
import { join } from 'node:path';
import type { DevicePlaces } from '../ledger/types.ts';
import type { Clock } from '../lib/clock.ts';
import { Listeners } from '../lib/disposables.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { Spaced } from '../lib/spaced.ts';
import type { PluginHandler } from '../plugins/handler.ts';
import type { DeviceHold, PodDevices } from '../pods/facts.ts';
import type { PodTable } from '../pods/table.ts';
import type { RpcServer } from '../rpc/server.ts';
import type { Container, StoredPod } from '../types/k8s.ts';
import { DeviceAllocation } from './allocation.ts';
import { type AffinityOf, DeviceBook } from './book.ts';
import { DeviceCheckpoint } from './checkpoint.ts';
import { DeviceEndpoints } from './endpoints.ts';
import { devicePluginHandler } from './pluginHandler.ts';
import { serveRegistration } from './registrationServer.ts';
import { type DeviceCapacity, deviceCapacity } from './rules/capacity.ts';
import { unusable } from './rules/choose.ts';
import { healthyIds } from './rules/inventory.ts';
import type { DeviceProvider } from './rules/provider.ts';
import type { DeviceSettings } from './rules/runOptions.ts';
import { DEVICE_TIMEOUTS, type DeviceTimeouts } from './timeouts.ts';

export interface DeviceManagerOptions {
  readonly rootDir: string;
  readonly table: PodTable;
  readonly clock: Clock;
  readonly log: Logger;
  readonly timeouts?: Partial<DeviceTimeouts>;
  /** A plug-in asked to be registered at kubelet's socket. */
  onRegistration?(resource: string): void;
  /** An Allocate ended. */
  onAllocated?(resource: string, seconds: number): void;
}

/** How often a Pod hears of its devices' health at most, in ms: each time may be a write to the API server. */
const HEALTH_NEWS_MS = 1000;

/** What Pods' workers ask of device plug-ins. */
export interface WorkerDevices {
  /** As DeviceAllocation.allocate. */
  allocate(pod: StoredPod, signal: AbortSignal): Promise<void>;
  /** As DeviceAllocation.settings. */
  settings(pod: StoredPod, container: Container, signal: AbortSignal): Promise<DeviceSettings | null>;
  devicesOf(uid: string): PodDevices;
  /** Gives back all devices of a Pod of which nothing runs any more; harmless when it has none. */
  release(uid: string): void;
}

/** The node's device plug-ins, their devices, and who has them. Disposing it leaves everything as it is for the next life. */
export class DeviceManager implements WorkerDevices, AsyncDisposable {
  readonly book = new DeviceBook();
  readonly #options: DeviceManagerOptions;
  readonly #directory: string;
  readonly #checkpoint: DeviceCheckpoint;
  readonly #changes = new Listeners<[]>();
  readonly #endpoints: DeviceEndpoints;
  readonly #allocation: DeviceAllocation;
  readonly #ended: Disposable;
  readonly #news: Spaced<string>;
  /** Resources whose grace is over, until the Node shows them as 0. */
  readonly #removed = new Set<string>();
  /** What of each resource is written down as healthy. */
  readonly #written = new Map<string, string>();
  #server: RpcServer | undefined;
  #problem: string | undefined;

  /** Knows nothing before `load`. */
  constructor(options: DeviceManagerOptions) {
    const { clock, log, table, rootDir } = options;
    const { book } = this;
    this.#options = options;
    this.#directory = join(rootDir, 'device-plugins');
    this.#checkpoint = new DeviceCheckpoint(this.#directory, book, log);
    this.#endpoints = new DeviceEndpoints({
      ...{ book, clock, log },
      timeouts: { ...DEVICE_TIMEOUTS, ...options.timeouts },
      onDevices: (resource, pods) => this.#taken(resource, pods),
      onGone: (resource, forgotten) => this.#gone(resource, forgotten),
    });
    this.#allocation = new DeviceAllocation({
      ...{ book, clock, log },
      endpoints: this.#endpoints,
      checkpoint: this.#checkpoint,
      changes: this.#changes,
      onAllocated: (resource, seconds) => options.onAllocated?.(resource, seconds),
    });
    this.#ended = table.onEnded((uid) => this.release(uid));
    this.#news = new Spaced(clock, HEALTH_NEWS_MS, (uid) =>
      table.learn(uid, { kind: 'devices', devices: this.devicesOf(uid) }),
    );
  }

  /** Reads what an earlier life gave to whom. To be called first, and once. Rejects never. */
  async load(): Promise<void> {
    await this.#checkpoint.load();
    this.#endpoints.expect(this.book.resources());
  }

  /** Opens kubelet's socket. What is wrong with it is told, and is `problem`: Pods without devices need not care. */
  async serve(): Promise<void> {
    const { clock, log } = this.#options;
    try {
      this.#server = await serveRegistration({
        ...{ directory: this.#directory, endpoints: this.#endpoints, clock, log },
        onRegistration: (resource) => this.#options.onRegistration?.(resource),
      });
    } catch (error) {
      this.#problem = `device registration error: device plugin registration gRPC server failed and no device plugins can register: ${errorMessage(error)}`;
      log.error('The socket for device plug-ins could not be opened; none can register there', {
        error: errorMessage(error),
      });
    }
  }

  /** Why no device plug-in can register at kubelet's socket. */
  problem(): string | undefined {
    return this.#problem;
  }

  /** For plugins_registry. */
  get handler(): PluginHandler {
    return devicePluginHandler(this.#endpoints);
  }

  /** Capacity or allocatable may have changed. */
  onChange(listener: () => void): Disposable {
    return this.#changes.add(listener);
  }

  capacity(): DeviceCapacity {
    return deviceCapacity(this.book.inventory(), this.#removed);
  }

  /** The Node's capacity as the API server has it: what it shows as 0 need not be said again, and may be an administrator's from then on. */
  shown(capacity: Readonly<Record<string, string>>): void {
    for (const resource of this.#removed) if (capacity[resource] === '0') this.#removed.delete(resource);
  }

  /** For the ledger: answers at once. */
  readonly places: DevicePlaces = {
    isDevice: (resource) => this.book.isDeviceResource(resource),
    refusal: (pod, affinity) => this.#refusal(pod, affinity),
    hold: (pod, affinity) => this.#hold(pod, affinity),
    giveUp: (uid) => this.book.giveUp(uid),
  };

  /** For the topology manager. A Pod that had devices before is not refused here: their plug-in may only not be there yet. */
  readonly providers = {
    provider: (pod: StoredPod, nodes: readonly number[]) => {
      const provider = this.book.provider(pod, nodes);
      const allocate: DeviceProvider['allocate'] = (container, affinity) => {
        const error = provider.allocate(container, affinity);
        return error && this.#mayWait(pod) ? undefined : error;
      };
      return {
        hints: (container: Container) => provider.hints(container),
        podHints: () => provider.podHints(),
        allocate,
        /** Devices are of containers, also where CPUs and memory are the Pod's. */
        allocatePod: (affinity: Parameters<typeof allocate>[1]) => {
          const { initContainers = [], containers } = pod.spec;
          return [...initContainers, ...containers].map((one) => allocate(one, affinity)).find((error) => error);
        },
      };
    },
    wants: (pod: StoredPod) => this.book.lacks(pod),
    version: () => this.book.version,
  };

  allocate(pod: StoredPod, signal: AbortSignal): Promise<void> {
    return this.#allocation.allocate(pod, signal);
  }

  settings(pod: StoredPod, container: Container, signal: AbortSignal): Promise<DeviceSettings | null> {
    return this.#allocation.settings(pod, container, signal);
  }

  devicesOf(uid: string): PodDevices {
    return this.book.devicesOf(uid);
  }

  release(uid: string): void {
    if (!this.book.release(uid)) return;
    this.#save();
  }

  /** Every source has reported: Pods of which nothing is known any more have no devices. */
  prune(): void {
    for (const uid of this.book.pods()) if (!this.#options.table.has(uid)) this.release(uid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended[Symbol.dispose]();
    this.#news[Symbol.dispose]();
    this.#endpoints[Symbol.dispose]();
    await this.#server?.close();
    await this.#checkpoint.settled();
  }

  #refusal(pod: StoredPod, affinity?: AffinityOf) {
    const plan = this.book.plan(pod, { affinity });
    return 'error' in plan && !this.#mayWait(pod) ? unexpected(plan.error) : undefined;
  }

  #hold(pod: StoredPod, affinity?: AffinityOf) {
    const plan = this.book.hold(pod, { affinity });
    if ('plan' in plan) return plan.plan.length === 0 ? undefined : this.#held(pod, []);
    if (!this.#mayWait(pod)) return unexpected(plan.error);
    return this.#held(pod, this.#missing(pod));
  }

  #held({ metadata: { uid } }: StoredPod, awaits: readonly string[]): DeviceHold {
    return { ...this.book.heldFor(uid), awaits };
  }

  /** It has devices of an earlier life: their plug-in may only not be there yet. */
  #mayWait({ metadata: { uid } }: StoredPod): boolean {
    return this.book.assignments(uid).length > 0;
  }

  #missing({ metadata: { uid } }: StoredPod): string[] {
    const inventory = this.book.inventory();
    const missing = this.book
      .assignments(uid)
      .filter(({ resource, ids }) => unusable(resource, inventory.get(resource), ids) !== undefined);
    return [...new Set(missing.map(({ resource }) => resource))].sort();
  }

  async #taken(resource: string, pods: readonly string[]): Promise<void> {
    this.#removed.delete(resource);
    this.#news.tell(...pods);
    this.#changes.emit();
    const healthy = [...healthyIds(this.book.said(resource) ?? new Map())].sort().join('\n');
    if (this.#written.get(resource) === healthy) return;
    this.#written.set(resource, healthy);
    await this.#checkpoint.save().catch((error) => this.#tell(error));
  }

  #gone(resource: string, forgotten: boolean): void {
    this.#written.delete(resource);
    if (forgotten) this.#removed.add(resource);
    this.#save();
    this.#changes.emit();
  }

  #save(): void {
    this.#checkpoint.save().catch((error) => this.#tell(error));
  }

  #tell(error: unknown): void {
    this.#options.log.error('The checkpoint of device plug-ins could not be written', { error: errorMessage(error) });
  }
}

/** Go's words for what goes wrong with devices in a Pod's admission. */
export function unexpected(error: string): { readonly reason: string; readonly message: string } {
  return { reason: 'UnexpectedAdmissionError', message: `Allocate failed due to ${error}, which is unexpected` };
}
