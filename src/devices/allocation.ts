// The second step of a Pod's admission, and what its containers get of it. It runs in the Pod's worker: plug-ins hang.
import { type Clock, sleep } from '../lib/clock.ts';
import type { Listeners } from '../lib/disposables.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Container, StoredPod } from '../types/k8s.ts';
import type { DeviceBook, PlanOptions } from './book.ts';
import type { DeviceCheckpoint } from './checkpoint.ts';
import { decodeAnswer } from './deviceAnswer.ts';
import { type DeviceEndpoint, DevicePluginError } from './endpoint.ts';
import type { DeviceEndpoints } from './endpoints.ts';
import type { Planned } from './rules/planPod.ts';
import { combineSettings, type DeviceSettings } from './rules/runOptions.ts';

/** How long a Pod that had devices before a restart waits for their plug-in. */
export const PLUGIN_WAIT_MS = 45_000;

export interface AllocationOptions {
  readonly book: DeviceBook;
  readonly endpoints: DeviceEndpoints;
  readonly checkpoint: DeviceCheckpoint;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when the book has changed. */
  readonly changes: Listeners<[]>;
  /** An Allocate has ended. */
  onAllocated(resource: string, seconds: number): void;
}

/** Allocates devices at their plug-ins. */
export class DeviceAllocation {
  readonly #options: AllocationOptions;

  constructor(options: AllocationOptions) {
    this.#options = options;
  }

  /**
   * Allocates what is held for the Pod, container after container, and writes it down. Rejects with Go's sentence, or when the signal
   * aborts; what was allocated by then is released with the Pod. One that had devices before a restart waits for their plug-in.
   */
  async allocate(pod: StoredPod, signal: AbortSignal, only?: string): Promise<void> {
    const { book, checkpoint } = this.#options;
    if (book.assignments(pod.metadata.uid).length > 0 && only === undefined) await this.#awaitPlugins(pod, signal);
    let isNew = false;
    for (let next = this.#next(pod, { only }); next; next = this.#next(pod, { only })) {
      await this.#allocateOne(pod, next, signal, only);
      isNew = true;
    }
    // Before anything is made of it: after a restart nobody else may get these.
    if (isNew)
      await checkpoint.save().catch((error) => {
        const problem = `failed to write checkpoint file "kubelet_internal_checkpoint": ${errorMessage(error)}`;
        throw new DevicePluginError(problem, error);
      });
    signal.throwIfAborted();
  }

  /**
   * What a container gets of its plug-ins, after they have been told that it is about to start; null: nothing. What was never allocated
   * (the checkpoint is lost) is allocated now. Rejects with Go's sentence.
   */
  async settings(pod: StoredPod, container: Container, signal: AbortSignal): Promise<DeviceSettings | null> {
    const { book, log } = this.#options;
    const { uid, name, namespace } = pod.metadata;
    const requests = book.requests(pod).filter((one) => one.container === container.name && one.count > 0);
    const assigned = () => book.assignments(uid).filter((one) => one.container === container.name);
    for (const { resource } of requests) {
      const ids = assigned().find((one) => one.resource === resource)?.ids;
      await this.#preStart(uid, container.name, resource, ids, signal);
    }
    if (requests.some(({ resource }) => !assigned().some((one) => one.resource === resource)))
      await this.allocate(pod, signal, container.name);
    const answers = assigned().map(({ resource, answer }) => ({ resource, response: decodeAnswer(answer) }));
    if (answers.length === 0) return null;
    const { settings, conflicts } = combineSettings(answers);
    for (const conflict of conflicts)
      log.error('Device plug-ins disagree on a container; the first one is heard', {
        pod: `${namespace}/${name}`,
        container: container.name,
        conflict,
      });
    return settings;
  }

  #next(pod: StoredPod, options: PlanOptions): Planned | undefined {
    const plan = this.#options.book.hold(pod, options);
    if ('error' in plan) throw new DevicePluginError(plan.error);
    return plan.plan[0];
  }

  async #allocateOne(pod: StoredPod, planned: Planned, signal: AbortSignal, only?: string): Promise<void> {
    const { book, clock } = this.#options;
    const { container, resource, question } = planned;
    const endpoint = this.#running(resource, `unknown Device Plugin ${resource}`);
    let chosen = planned;
    if (question && endpoint.options.getPreferredAllocationAvailable) {
      const ids = await endpoint.preferred(question, signal);
      signal.throwIfAborted();
      // Others may have come meanwhile: of what it prefers, this Pod gets what is still free.
      chosen = this.#next(pod, { preferred: { container, resource, ids }, only }) ?? planned;
    }
    const since = clock.now().mono;
    try {
      const { bytes } = await endpoint.allocate(chosen.ids, signal);
      signal.throwIfAborted();
      book.commit(pod.metadata.uid, chosen, bytes);
    } finally {
      this.#options.onAllocated(resource, (clock.now().mono - since) / 1000);
    }
  }

  async #preStart(
    uid: string,
    container: string,
    resource: string,
    ids: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { endpoints } = this.#options;
    const unknown = `endpoint not found in cache for a registered resource: ${resource}`;
    if (endpoints.get(resource) === undefined) throw new DevicePluginError(unknown);
    if (!endpoints.wantsPreStart(resource)) return;
    if (!ids)
      throw new DevicePluginError(
        `no devices found allocated in local cache for pod ${uid}, container ${container}, resource ${resource}`,
      );
    await this.#running(resource, unknown).preStart(ids, signal);
  }

  #running(resource: string, unknown: string): DeviceEndpoint {
    const endpoint = this.#options.endpoints.get(resource);
    if (endpoint === undefined) throw new DevicePluginError(unknown);
    if (endpoint === 'stopped') throw new DevicePluginError(`endpoint ${resource} has been stopped`);
    return endpoint;
  }

  async #awaitPlugins(pod: StoredPod, signal: AbortSignal): Promise<void> {
    const { book, clock, changes } = this.#options;
    const isThere = () => 'plan' in book.plan(pod);
    if (isThere()) return;
    const over = new AbortController();
    using _change = changes.add(() => {
      if (isThere()) over.abort();
    });
    await sleep(clock, PLUGIN_WAIT_MS, AbortSignal.any([signal, over.signal])).catch(() => {});
    signal.throwIfAborted();
  }
}
