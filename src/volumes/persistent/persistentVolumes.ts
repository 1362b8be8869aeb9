import { type BackoffPolicy, backoffDelay } from '../../lib/backoff.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import { Listeners } from '../../lib/disposables.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { settleAll } from '../../lib/settleAll.ts';
import type { Node } from '../../types/k8s.ts';
import type { OnStorageOperation } from '../metrics.ts';
import { pluginDirectory } from '../paths.ts';
import type { SeLinuxCounts } from '../seLinuxMetrics.ts';
import type { FoundVolume, KindHost, PersistentKind, Published, VolumeIdentity } from './contract.ts';
import type { PersistentKinds } from './kinds.ts';
import { answers } from './mountPrograms.ts';
import type { StepOrder } from './steps.ts';
import { VolumeWorker } from './volumeWorker.ts';
import type { VolumeWorkerPorts } from './workerPorts.ts';

/** Between attempts to find what is on disk, and how often it is tried again. */
const FIND: BackoffPolicy = { initialMs: 500, maxMs: 4_000 };
const FIND_AGAIN = 4;

/** What the volumes are kept with. */
export interface PersistentVolumesOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly host: KindHost;
  readonly kinds: PersistentKinds;
  readonly onOperation?: OnStorageOperation | undefined;
  readonly seLinuxCounts?: SeLinuxCounts | undefined;
}

/**
 * All volumes of the node that may outlast a Pod, one worker each. It decides nothing: it finds the worker, tells all of them what the
 * Node object shows, and says which volumes are in use. Pods' volumes go on living when it is disposed.
 */
export class PersistentVolumes implements Disposable {
  readonly #options: PersistentVolumesOptions;
  readonly #ports: VolumeWorkerPorts;
  readonly #workers = new Map<string, VolumeWorker>();
  readonly #changed = new Listeners<[]>();
  #rebuilt: Promise<void> | undefined;
  #isRebuilt = false;
  #settled = false;
  #shown = '';
  #reported: ReadonlySet<string> = new Set();
  #attached: ReadonlyMap<string, string> = new Map();

  constructor(options: PersistentVolumesOptions) {
    this.#options = options;
    this.#ports = {
      ...{ host: options.host, clock: options.clock, onOperation: options.onOperation },
      seLinuxCounts: options.seLinuxCounts,
      node: (name) => ({
        reportedInUse: this.#reported.has(name),
        devicePath: this.#attached.get(name),
        settled: this.#settled,
      }),
      defect: (error) =>
        options.log.error('A volume cannot be handled; it is left as it is', { error: errorMessage(error) }),
      done: (worker) => this.#drop(worker),
    };
  }

  /** Names of the plug-ins whose volumes are looked after here. */
  get plugins(): ReadonlySet<string> {
    return new Set(this.kinds.all.flatMap((kind) => [kind.plugin, ...(kind.plugins?.() ?? [])]));
  }

  get kinds(): PersistentKinds {
    return this.#options.kinds;
  }

  /** Finds what an earlier kubelet left on disk. Everything else waits for it. A kind that cannot be read is told and leaves `inUse` open. */
  rebuild(): Promise<void> {
    this.#rebuilt ??= this.#rebuild();
    return this.#rebuilt;
  }

  /** Every source has reported: volumes that are staged for nobody may be unstaged from now on. */
  sourcesSynced(): void {
    this.#settled = true;
    this.#wakeAll();
  }

  /** The API server shows the Node like this; what it shows as in use, it has accepted. */
  nodeSeen({ status }: Pick<Node, 'status'>): void {
    const { volumesInUse = [], volumesAttached = [] } = status ?? {};
    const shown = JSON.stringify([volumesInUse, volumesAttached]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#reported = new Set(volumesInUse);
    this.#attached = new Map(volumesAttached.map(({ name, devicePath }) => [name, devicePath]));
    this.#wakeAll();
  }

  /**
   * Names for the Node's volumesInUse, sorted: from when somebody wants a volume until it is unstaged. Undefined until all that is on
   * disk was found: said too early, a volume is detached that has a file system mounted.
   */
  inUse(): readonly string[] | undefined {
    if (!this.#isRebuilt) return undefined;
    const names = [...this.#workers.values()].filter(({ identity }) => identity.attachable);
    return names.map(({ identity }) => identity.reportedAs ?? identity.uniqueName).sort();
  }

  /** Called when `inUse` says something else: the Node's status is to be written now. */
  onInUse(listener: () => void): Disposable {
    return this.#changed.add(listener);
  }

  /** As VolumeWorker.have, for the volume of this identity. */
  async have(identity: VolumeIdentity, kind: PersistentKind, order: StepOrder): Promise<Published> {
    await this.rebuild();
    order.signal.throwIfAborted();
    const worker = this.#workers.get(identity.uniqueName) ?? this.#open(identity, kind, { staged: false, pods: [] });
    if (worker.know(identity)) this.#changed.emit();
    return worker.have(order);
  }

  /** The Pod is over: takes everything of this module's from it. Rejects with the failures, when every volume was tried. */
  async leave(uid: string, signal: AbortSignal): Promise<void> {
    await this.rebuild();
    const workers = [...this.#workers.values()].filter((worker) => worker.concerns(uid));
    await settleAll(workers.map((worker) => worker.leave(uid, signal)));
  }

  /** Something of the Pod's may be here. */
  concerns(uid: string): boolean {
    return [...this.#workers.values()].some((worker) => worker.concerns(uid));
  }

  /** Rejects when `path` is on a network file system whose server does not answer: to open it would hold a thread of this process. */
  async askServer(path: string): Promise<void> {
    const isOf = (plugin: string) => path.includes(`/volumes/${pluginDirectory(plugin)}/`);
    const kind = this.kinds.all.find((one) => isOf(one.plugin) || [...(one.plugins?.() ?? [])].some(isOf));
    if (kind?.isNetwork) await answers(this.#options.host, path);
  }

  /** UIDs of the Pods that have one of them, or perhaps. */
  holders(): readonly string[] {
    return [...new Set([...this.#workers.values()].flatMap((worker) => worker.pods))];
  }

  /** How many volumes have a worker. */
  get size(): number {
    return this.#workers.size;
  }

  [Symbol.dispose](): void {
    for (const worker of this.#workers.values()) worker.stop();
  }

  async #rebuild(): Promise<void> {
    const { host, log } = this.#options;
    let isComplete = true;
    for (const kind of this.kinds.all) {
      try {
        for (const found of await this.#find(kind, host)) this.#open(found, kind, found);
      } catch (error) {
        isComplete = false;
        log.error('Volumes of an earlier run could not be found; the Node keeps its volumesInUse', {
          plugin: kind.plugin,
          error: errorMessage(error),
        });
      }
    }
    this.#isRebuilt = isComplete;
    this.#changed.emit();
  }

  /** What hinders it may pass (too many open files): it is tried some seconds long. */
  async #find(kind: PersistentKind, host: KindHost): Promise<FoundVolume[]> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await kind.reconstruct(host);
      } catch (error) {
        if (attempt >= FIND_AGAIN) throw error;
        await sleep(this.#options.clock, backoffDelay(FIND, attempt, 0));
      }
    }
  }

  #open(identity: VolumeIdentity, kind: PersistentKind, found: Pick<FoundVolume, 'staged' | 'pods'>): VolumeWorker {
    const worker = new VolumeWorker(identity, kind, this.#ports, found);
    this.#workers.set(identity.uniqueName, worker);
    if (identity.attachable && this.#isRebuilt) this.#changed.emit();
    worker.wake();
    return worker;
  }

  #drop(worker: VolumeWorker): void {
    worker.stop();
    this.#workers.delete(worker.identity.uniqueName);
    if (worker.identity.attachable) this.#changed.emit();
  }

  #wakeAll(): void {
    for (const worker of this.#workers.values()) worker.wake();
  }
}
