import { isObjectGone } from '../api/apiError.ts';
import type { NodeEvent } from '../events/event.ts';
import { rfc3339 } from '../k8s/rfc3339.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { Listeners } from '../lib/disposables.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Node } from '../types/k8s.ts';
import { NodePresence } from './nodePresence.ts';
import { OWN_CONDITIONS } from './rules/conditions.ts';
import { nextNode } from './rules/nextNode.ts';
import { nodeChanged, nodeStatusPatch } from './rules/statusPatch.ts';
import type { NodeApi, NodeSettings, NodeStatusFacts } from './types.ts';

/** Attempts at one update (kubelet's nodeStatusUpdateRetry). */
const ATTEMPTS = 5;
const JITTER = 0.04;

/** What the status is made of and where it goes. */
export interface NodeStatusOptions {
  readonly api: NodeApi;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly settings: NodeSettings;
  readonly readFacts: () => Promise<NodeStatusFacts>;
  /** The Node as a watch saw it last; the first attempt starts from it. */
  readonly cachedNode: () => Node | undefined;
  readonly recordEvent: (event: NodeEvent) => void;
  /** Whether a start of this process registers the node; only for the words when the Node is gone. */
  readonly registers: boolean;
  /** nodeStatusUpdateFrequency and nodeStatusReportFrequency. */
  readonly updateMs: number;
  readonly reportMs: number;
  readonly onRepeatedFailure?: () => void;
  readonly signal: AbortSignal;
}

/**
 * Keeps the Node's status up to date: looks every update period, and at once when `trigger` is called because something that
 * Ready hangs on has changed. PATCHes only what changed, or everything's heartbeat once in a report period.
 *
 * A Node that somebody deleted is not made again: whoever drains and deletes it means it. It is looked for at each update, and goes
 * on when somebody has created it.
 */
export class NodeStatusPublisher {
  readonly #options: NodeStatusOptions;
  readonly #changes = new Listeners<[node: Node]>();
  #patched: Node | undefined;
  #reportedAt: number | undefined;
  #delay = 0;
  #unschedulable = false;
  readonly #presence: NodePresence;
  #wake: (() => void) | undefined;
  #triggered = false;
  #said = '';

  constructor(options: NodeStatusOptions) {
    this.#options = options;
    this.#presence = new NodePresence(options.logger, options.settings.nodeName, options.registers);
  }

  /** Tells each Node that the API server has accepted. */
  onNode(listener: (node: Node) => void): Disposable {
    return this.#changes.add(listener);
  }

  /** Asks for an update now; calls while one is under way ask for one more after it. */
  trigger(): void {
    this.#triggered = true;
    this.#wake?.();
  }

  /** A watch saw that somebody deleted the Node: forgets it, and looks now whether it is there. */
  nodeDeleted(): void {
    this.#forget();
    this.trigger();
  }

  /** A watch shows the Node: if it was gone, somebody has created it, and it is updated now. */
  nodeSeen(): void {
    if (this.#presence.isGone) this.trigger();
  }

  /** Runs until the signal aborts. */
  async run(): Promise<void> {
    const { signal, clock, logger, updateMs, random } = this.#options;
    while (!signal.aborted) {
      this.#triggered = false;
      try {
        await this.update();
      } catch (error) {
        if (signal.aborted) return;
        logger.error('Could not update the node status', { error: errorMessage(error) });
      }
      if (this.#triggered) continue;
      const early = new AbortController();
      this.#wake = () => early.abort();
      const wait = sleep(clock, updateMs * (1 + JITTER * random()), AbortSignal.any([signal, early.signal]));
      await wait.catch(() => undefined);
      this.#wake = undefined;
    }
  }

  /** One update with its retries. Rejects with the last error; a Node that is gone is told once and is none. */
  async update(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#tryUpdate(attempt);
        this.#presence.there();
        return;
      } catch (error) {
        this.#options.signal.throwIfAborted();
        if (isObjectGone(error, 'nodes', this.#options.settings.nodeName)) {
          this.#forget();
          // The first attempt may have used an old copy of a Node that was created again since.
          if (attempt === 1) continue;
          this.#presence.gone();
          return;
        }
        if (attempt > 1) this.#options.onRepeatedFailure?.();
        if (attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** What was reported went to a Node that is no more: the next one gets everything. */
  #forget(): void {
    this.#patched = undefined;
    this.#reportedAt = undefined;
  }

  async #tryUpdate(attempt: number): Promise<void> {
    const { api, settings, clock, readFacts, signal, updateMs } = this.#options;
    const call = { signal, timeoutMs: updateMs };
    const ref = { name: settings.nodeName };
    const known = attempt === 1 ? this.#newest() : undefined;
    const [original, facts] = await Promise.all([known ?? api.get('Node', ref, call), readFacts()]);
    const next = nextNode(original, settings, facts, rfc3339(clock.now().wall));
    this.#say(next.problems);
    this.#recordSchedulable(original);
    const changed = nodeChanged(original, next.node);
    if (!changed && !this.#isDue()) return;
    // Only when they are new to the API: an update that is tried again must not tell them twice.
    const first = this.#reportedAt === undefined;
    const node = await api.patch('Node', ref, 'strategic', nodeStatusPatch(original, next.node, OWN_CONDITIONS), {
      subresource: 'status',
      ...call,
    });
    for (const event of next.events) this.#options.recordEvent(event);
    this.#delay = changed || first ? this.#options.reportMs * (this.#options.random() - 0.5) : 0;
    this.#reportedAt = clock.now().mono;
    this.#patched = node;
    this.#changes.emit(node);
  }

  /** The watch may lag behind the last PATCH's answer; resourceVersions of one object can be compared. */
  #newest(): Node | undefined {
    const cached = this.#options.cachedNode();
    const patched = this.#patched;
    if (!cached || !patched || cached.metadata?.uid !== patched.metadata?.uid) return cached ?? patched;
    return version(cached) >= version(patched) ? cached : patched;
  }

  #isDue(): boolean {
    const { clock, reportMs } = this.#options;
    return this.#reportedAt === undefined || clock.now().mono - this.#reportedAt >= reportMs + this.#delay;
  }

  #recordSchedulable({ spec }: Node): void {
    const unschedulable = spec?.unschedulable ?? false;
    if (unschedulable === this.#unschedulable) return;
    this.#unschedulable = unschedulable;
    const reason = unschedulable ? 'NodeNotSchedulable' : 'NodeSchedulable';
    const message = `Node ${this.#options.settings.nodeName} status is now: ${reason}`;
    this.#options.recordEvent({ type: 'Normal', reason, message });
  }

  /** A problem is logged when it appears or changes, not at each update. */
  #say(problems: readonly string[]): void {
    const text = problems.join('; ');
    if (text !== this.#said && text !== '')
      this.#options.logger.error('Could not set all of the node status', { problems: text });
    this.#said = text;
  }
}

function version({ metadata }: Node): number {
  return Number(metadata?.resourceVersion ?? 0);
}
