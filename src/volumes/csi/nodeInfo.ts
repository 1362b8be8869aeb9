// Keeps what drivers say of this node in the API: the CSINode object, and the Node's annotation and labels.
import { isNotFound } from '../../api/apiError.ts';
import type { ApiClient } from '../../api/client.ts';
import { backoffDelay } from '../../lib/backoff.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import { Listeners } from '../../lib/disposables.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { untilAborted } from '../../lib/untilAborted.ts';
import type { CSINode, Node } from '../../types/k8s.ts';
import type { DriverNodeInfo } from './driver.ts';
import {
  isOwned,
  type NodeIdentity,
  newCsiNode,
  ownerUid,
  withDriver,
  withMigration,
  withoutDriver,
} from './rules/csiNode.ts';
import { markDriver, type NodeMark, unmarkDriver } from './rules/nodeMark.ts';

/** kubelet's attempts at one update: conflicts are the rule where others write the same objects. */
const UPDATE = { steps: 4, initialMs: 10, maxMs: 250, factor: 5, jitter: 0.1 } as const;
/** Between attempts to make the CSINode. */
const INITIALIZE = { initialMs: 30, maxMs: 30_000, factor: 8, jitter: 0.1 } as const;

export interface CsiNodeInfoOptions {
  readonly client: Pick<ApiClient, 'get' | 'create' | 'update' | 'delete' | 'patch'>;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** Writes go one after the other, each from a fresh read; a conflict is tried again at once. */
export class CsiNodeInfo {
  readonly #options: CsiNodeInfoOptions;
  readonly #changes = new Listeners<[]>();
  readonly #initialized = Promise.withResolvers<void>();
  #queue: Promise<unknown> = Promise.resolve();
  #uid: string | undefined;
  #problem: string | undefined = 'CSINode is not yet initialized';
  /** What is installed, to be told again when the Node was made anew. */
  readonly #installed = new Map<string, DriverNodeInfo>();

  constructor(options: CsiNodeInfoOptions) {
    this.#options = options;
  }

  /** Why the Node must not be Ready; undefined once the CSINode is there and belongs to it. */
  problem(): string | undefined {
    return this.#problem;
  }

  /** Calls `listener` when `problem` has changed. */
  onChange(listener: () => void): Disposable {
    return this.#changes.add(listener);
  }

  /**
   * Makes the CSINode of this very Node, or puts right what an earlier kubelet left. Tries until it succeeds: without it the
   * scheduler and the attach-detach controller know nothing of this node. Rejects only with the signal's reason.
   */
  async initialize(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#retried('error updating CSINode annotation', signal, () => this.#tryInitialize(signal));
        this.#set(undefined);
        this.#initialized.resolve();
        return;
      } catch (error) {
        signal.throwIfAborted();
        this.#set(`failed to initialize CSINode: ${errorMessage(error)}`);
        log.error('Could not initialize the CSINode; the Node is not ready until then', { error: errorMessage(error) });
        await sleep(clock, backoffDelay(INITIALIZE, attempt, random()), signal);
      }
    }
  }

  /** The API server shows the Node: one that was made anew under its name takes everything that belonged to it along. */
  async seen({ metadata }: Node, signal: AbortSignal): Promise<void> {
    const uid = metadata?.uid;
    if (!uid || this.#uid === undefined || uid === this.#uid) return;
    this.#uid = uid;
    await this.initialize(signal);
    for (const [driver, info] of [...this.#installed]) {
      await this.install(driver, info, signal).catch((error) => {
        signal.throwIfAborted();
        this.#options.log.error('A CSI driver is not in the new CSINode', { driver, error: errorMessage(error) });
      });
    }
  }

  /** Tells the cluster of a driver that registered. Waits for `initialize` first. */
  async install(driver: string, info: DriverNodeInfo, signal: AbortSignal): Promise<void> {
    if (info.nodeId === '') throw failed('error adding CSI driver node info: driverNodeID must not be empty');
    await untilAborted(this.#initialized.promise, signal);
    await within('error updating Node object with CSI driver node info: error updating node', () =>
      this.#mark((node) => markDriver(node, driver, info.nodeId, info.topology), signal),
    );
    await this.update(driver, info, signal);
  }

  /** Tells the cluster what a registered driver says now. */
  async update(driver: string, { nodeId, maxVolumes, topology }: DriverNodeInfo, signal: AbortSignal): Promise<void> {
    const entry = { name: driver, nodeId, maxVolumes, topologyKeys: Object.keys(topology) };
    await within('error updating CSINode object with CSI driver node info: error updating CSINode', () =>
      this.#change((node) => withDriver(node, entry), true, signal),
    );
    this.#installed.set(driver, { nodeId, maxVolumes, topology });
  }

  /** Tells the cluster that a driver left. */
  async uninstall(driver: string, signal: AbortSignal): Promise<void> {
    this.#installed.delete(driver);
    await within('error uninstalling CSI driver from CSINode object error updating CSINode', () =>
      this.#change((node) => withoutDriver(node, driver), false, signal),
    );
    await within('error removing CSI driver node info from Node object error updating node', () =>
      this.#mark((node) => unmarkDriver(node, driver), signal),
    );
  }

  async #tryInitialize(signal: AbortSignal): Promise<void> {
    const { client, nodeName } = this.#options;
    this.#uid = (await client.get('Node', { name: nodeName }, { signal })).metadata?.uid ?? '';
    const found = await this.#found(signal);
    if (!found) return void (await this.#create(signal));
    await this.#ensureOwned(found, signal);
    const next = withMigration(found);
    if (next) await client.update('CSINode', next, { signal });
  }

  #change(next: (node: CSINode) => CSINode | undefined, create: boolean, signal: AbortSignal): Promise<void> {
    return this.#retried('', signal, async () => {
      let node = await this.#found(signal);
      if (!node && !create) return;
      node ??= await this.#create(signal);
      if (create) await this.#ensureOwned(node, signal);
      const changed = next(node);
      if (changed) await this.#options.client.update('CSINode', changed, { signal });
    });
  }

  #mark(next: (node: Node) => NodeMark | undefined, signal: AbortSignal): Promise<void> {
    const { client, nodeName } = this.#options;
    return this.#retried('', signal, async () => {
      const node = await client.get('Node', { name: nodeName }, { signal });
      const metadata = next(node);
      // The status subresource takes labels and annotations too, and is what a node may always write.
      if (metadata)
        await client.patch('Node', { name: nodeName }, 'strategic', { metadata }, { subresource: 'status', signal });
    });
  }

  async #found(signal: AbortSignal): Promise<CSINode | undefined> {
    const { client, nodeName } = this.#options;
    try {
      return await client.get('CSINode', { name: nodeName }, { signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #create(signal: AbortSignal): Promise<CSINode> {
    return this.#options.client.create('CSINode', newCsiNode(this.#identity()), { signal });
  }

  /** One of an earlier Node of this name is deleted, and made anew at the next attempt. */
  async #ensureOwned(node: CSINode, signal: AbortSignal): Promise<void> {
    const { client, nodeName } = this.#options;
    const owner = this.#identity();
    if (isOwned(node, owner)) return;
    await client.delete('CSINode', { name: nodeName }, { signal });
    throw failed(
      `CSINode "${nodeName}" was owned by different node (oldNodeID="${ownerUid(node)}", newNodeID="${owner.uid}"), deleted it`,
    );
  }

  #identity(): NodeIdentity {
    return { name: this.#options.nodeName, uid: this.#uid ?? '' };
  }

  #set(problem: string | undefined): void {
    if (this.#problem === problem) return;
    this.#problem = problem;
    this.#changes.emit();
  }

  /** In its turn, as often as kubelet tries; rejects with all that went wrong. */
  #retried(what: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const turn = this.#queue.then(async () => {
      const { clock, random } = this.#options;
      const errors: string[] = [];
      for (let attempt = 0; attempt < UPDATE.steps; attempt++) {
        if (attempt > 0) await sleep(clock, backoffDelay(UPDATE, attempt - 1, random()), signal);
        signal.throwIfAborted();
        try {
          return await work();
        } catch (error) {
          signal.throwIfAborted();
          errors.push(errorMessage(error));
        }
      }
      const distinct = [...new Set(errors)];
      const all = distinct.length === 1 ? distinct[0] : `[${distinct.join(', ')}]`;
      throw failed(`${what === '' ? '' : `${what}: `}timed out waiting for the condition; caused by: ${all}`);
    });
    this.#queue = turn.catch(() => {});
    return turn;
  }
}

async function within(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw error instanceof KubeletError ? failed(`${what}: ${error.message}`, error) : error;
  }
}

function failed(message: string, cause?: unknown): KubeletError {
  return new KubeletError(message, { code: 'CsiNodeInfo', cause });
}
