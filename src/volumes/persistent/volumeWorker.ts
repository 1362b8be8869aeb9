import type { Clock } from '../../lib/clock.ts';
import { errorMessage, isAbort } from '../../lib/errors.ts';
import { Loop } from '../../loop/loop.ts';
import type { EffectError } from '../../loop/slot.ts';
import type { OnStorageOperation, StorageOperation } from '../metrics.ts';
import type { SeLinuxCounts } from '../seLinuxMetrics.ts';
import type { PersistentKind, Published, VolumeIdentity } from './contract.ts';
import {
  decideVolume,
  type Share,
  shareSlot,
  type VolumeAction,
  type VolumeDecision,
  type VolumeFacts,
  type Want,
} from './rules/decideVolume.ts';
import { carryOut, type StepOrder, type StepPorts } from './steps.ts';
import { FinalError } from './volumeStepError.ts';

/** Whoever waits for a step of the volume. */
interface Waiter {
  readonly kind: 'have' | 'leave';
  /** Its place among all that was asked of the volume. */
  readonly ask: number;
  resolve(published: Published | undefined): void;
  reject(error: unknown): void;
}

/** What the worker is told by the node. */
export interface NodeSide {
  readonly reportedInUse: boolean;
  /** Undefined while it is not attached; empty when attached without a path. */
  readonly devicePath: string | undefined;
  readonly settled: boolean;
}

export interface VolumeWorkerPorts extends StepPorts {
  readonly clock: Clock;
  /** By the volume's name in the Node's lists. */
  node(name: string): NodeSide;
  readonly onOperation?: OnStorageOperation | undefined;
  readonly seLinuxCounts?: SeLinuxCounts | undefined;
  /** Nothing is left of the volume. */
  done(worker: VolumeWorker): void;
  /** A defect of ours met this volume: it is left as it is and looked at again later. */
  defect(error: unknown): void;
}

const OPERATIONS: Readonly<
  Record<VolumeIdentity['mode'], Readonly<Partial<Record<VolumeAction['kind'], StorageOperation>>>>
> = {
  Filesystem: {
    stage: 'volume_mount',
    publish: 'volume_mount',
    unpublish: 'volume_unmount',
    unstage: 'unmount_device',
  },
  Block: { stage: 'map_volume', publish: 'map_volume', unpublish: 'unmap_volume', unstage: 'unmap_device' },
};

const traits = { unknownOutcomeClosesSlot: false, echoes: false, slotPerObject: false };
const slotRules = {
  traits: { stage: traits, unstage: traits, publish: traits, unpublish: traits, expand: traits },
  sameWork: () => true,
};

/**
 * The one owner of a volume that outlasts Pods. Pods' workers say what they want of it (`have`) and that they are over (`leave`); it
 * decides (rules/decideVolume.ts) and carries the steps out.
 */
export class VolumeWorker {
  #identity: VolumeIdentity;
  readonly #kind: PersistentKind;
  readonly #ports: VolumeWorkerPorts;
  readonly #loop: Loop<VolumeFacts, null, VolumeAction, VolumeDecision, Published | undefined>;
  readonly #orders = new Map<string, StepOrder>();
  readonly #published = new Map<string, Published>();
  readonly #waiters = new Map<string, Set<Waiter>>();
  #wants: Readonly<Record<string, Want>> = {};
  #shares: Readonly<Record<string, Share>> = {};
  #leaving: readonly string[] = [];
  #staged: VolumeFacts['staged'];
  /** The SELinux label that it is staged with. */
  #stagedLabel = '';
  /** The label that the first of its present Pods wants. */
  #firstLabel = '';
  #asks = 0;
  readonly #said = new Map<string, string | undefined>();
  /** What the last staging took, until it is told with the first publishing after it. */
  #stagingMs = 0;

  constructor(
    identity: VolumeIdentity,
    kind: PersistentKind,
    ports: VolumeWorkerPorts,
    found: { staged: boolean; pods: readonly string[] },
  ) {
    this.#identity = identity;
    this.#kind = kind;
    this.#ports = ports;
    this.#staged = found.staged ? 'unsure' : 'no';
    this.#shares = Object.fromEntries(found.pods.map((uid) => [uid, { state: 'unsure', round: -1 }]));
    this.#loop = new Loop(
      {
        clock: ports.clock,
        slots: slotRules,
        snapshot: (slots) => this.#snapshot(slots),
        decide: decideVolume,
        effect: (action, _facts, signal) => this.#effect(action, signal),
        toError: (thrown) => toError(thrown),
        lastSeq: () => 0,
        decided: () => {},
        settled: (action, result) => this.#settled(action, result),
        turned: (_facts, decision) => this.#turned(decision),
        defect: (error) => ports.defect(error),
      },
      null,
    );
  }

  get identity(): VolumeIdentity {
    return this.#identity;
  }

  /** What only the API tells of it: the disk does not say whether it is attached, nor always its name. True if that was news. */
  know(identity: VolumeIdentity): boolean {
    const { attachable, name, reportedAs } = this.#identity;
    if (attachable === identity.attachable && name === identity.name && reportedAs === identity.reportedAs)
      return false;
    this.#identity = { ...this.#identity, ...identity };
    this.wake();
    return true;
  }

  /** UIDs of Pods that have it, or perhaps. */
  get pods(): string[] {
    return Object.keys(this.#shares);
  }

  /**
   * The Pod of the order wants it, and goes on wanting it until `leave`. Resolves when it has it as ordered; rejects with the next
   * failure of a step on the way there, in kubelet's words. Aborting the order's signal ends only the waiting. What was given with a
   * `refreshAt` that has come is published again.
   */
  have(order: StepOrder): Promise<Published> {
    const uid = order.pod.metadata.uid;
    const { wall } = this.#ports.clock.now();
    this.#asks += 1;
    const due = this.#published.get(uid)?.refreshAt ?? Number.POSITIVE_INFINITY;
    const round = (this.#wants[uid]?.round ?? 0) + (due <= wall ? 1 : 0);
    const size = this.#kind.expand && order.size;
    const want = { ask: this.#asks, round, label: order.seLinuxLabel ?? '', ...(size ? { size } : {}) };
    if (!(uid in this.#wants)) this.#compareLabels(order);
    this.#orders.set(uid, order);
    this.#wants = { ...this.#wants, [uid]: want };
    this.#leaving = this.#leaving.filter((one) => one !== uid);
    const waiting = this.#wait(uid, 'have', order.signal) as Promise<Published>;
    this.wake();
    return waiting;
  }

  /** The Pod wants it no more. Resolves when it has nothing of it; rejects with the next failure on the way there. */
  leave(uid: string, signal: AbortSignal): Promise<void> {
    const { [uid]: _, ...wants } = this.#wants;
    this.#wants = wants;
    if (!this.#leaving.includes(uid)) this.#leaving = [...this.#leaving, uid];
    const waiting = this.#wait(uid, 'leave', signal);
    this.wake();
    return waiting.then(() => undefined);
  }

  concerns(uid: string): boolean {
    return uid in this.#wants || uid in this.#shares || this.#leaving.includes(uid);
  }

  wake(): void {
    this.#loop.wake();
  }

  /** Steps under way are told to stop; what is mounted stays. */
  stop(): void {
    this.#loop.stop();
  }

  #node(): NodeSide {
    return this.#ports.node(this.#identity.reportedAs ?? this.#identity.uniqueName);
  }

  #snapshot(slots: VolumeFacts['slots']): VolumeFacts {
    const { reportedInUse, devicePath, settled } = this.#node();
    return {
      attachable: this.identity.attachable,
      reportedInUse,
      attached: devicePath !== undefined,
      stages: this.#kind.stage !== undefined,
      staged: this.#staged,
      stagedLabel: this.#stagedLabel,
      wants: this.#wants,
      shares: this.#shares,
      leaving: this.#leaving,
      settled,
      slots,
    };
  }

  async #effect(action: VolumeAction, signal: AbortSignal): Promise<Published | undefined> {
    const begun = this.#ports.clock.now().mono;
    let failed = true;
    try {
      const outcome = await this.#carryOut(action, signal);
      failed = false;
      return outcome;
    } finally {
      this.#tell(action, this.#ports.clock.now().mono - begun, failed);
    }
  }

  /** Kubelet's mount is staging and publishing together; it knows no operation for an expansion of a mounted volume alone. */
  #tell({ kind }: VolumeAction, ms: number, failed: boolean): void {
    if (kind === 'stage' && !failed) {
      this.#stagingMs = ms;
      return;
    }
    const operation = OPERATIONS[this.#identity.mode][kind];
    if (!operation) return;
    const both = kind === 'publish' ? ms + this.#stagingMs : ms;
    if (kind === 'publish') this.#stagingMs = 0;
    this.#ports.onOperation?.(this.#metricName, operation, both / 1000, failed);
  }

  get #metricName(): string {
    return this.#kind.metricName?.(this.#identity) ?? this.#kind.plugin;
  }

  /** A Pod that is new to the volume: what it wants as a label, beside the Pods that have the volume. These metrics have a / before the driver. */
  #compareLabels({ label }: StepOrder): void {
    const counts = this.#ports.seLinuxCounts;
    if (!label || !counts) return;
    const plugin = this.#metricName.replace(':', '/');
    if (Object.keys(this.#wants).length === 0) {
      this.#firstLabel = label.wanted;
      if (label.wanted !== '') counts.admitted(label, plugin);
    } else if (label.wanted !== this.#firstLabel) counts.mismatch(label, plugin);
  }

  #carryOut(action: VolumeAction, signal: AbortSignal): Promise<Published | undefined> {
    const order = 'uid' in action ? this.#orders.get(action.uid) : undefined;
    const others = 'uid' in action ? this.pods.filter((uid) => uid !== action.uid) : [];
    const rivals = 'uid' in action ? this.#publishing().filter((uid) => uid !== action.uid) : [];
    const again = 'uid' in action && action.uid in this.#shares;
    const { devicePath = '' } = this.#node();
    return carryOut(
      this.#ports,
      { kind: this.#kind, volume: this.identity, action, order, others, rivals, again, devicePath },
      signal,
    );
  }

  /** UIDs of Pods that it is being given to, and are not among those that have it. */
  #publishing(): string[] {
    const running = Object.values(this.#loop.slots.facts()).flatMap((slot) => slot?.running?.action ?? []);
    return running.flatMap((action) => (action.kind === 'publish' && !(action.uid in this.#shares) ? action.uid : []));
  }

  #settled(
    action: VolumeAction,
    { outcome, thrown }: { readonly outcome?: Published | undefined; readonly thrown?: unknown },
  ) {
    const failed = thrown !== undefined;
    const clean =
      !failed || thrown instanceof FinalError || (thrown as { cause?: unknown }).cause instanceof FinalError;
    if (action.kind === 'stage') {
      this.#staged = failed ? (clean ? this.#staged : 'unsure') : 'yes';
      this.#stagedLabel = action.label;
    } else if (action.kind === 'unstage') this.#staged = failed ? 'unsure' : 'no';
    else this.#shareSettled(action, failed, clean, outcome);
    if (!failed || isAbort(thrown) || action.kind === 'unstage') return;
    if (action.kind === 'unpublish') this.#reject(action.uid, 'leave', this.#asks, thrown);
    else
      for (const uid of action.kind === 'stage' ? Object.keys(this.#wants) : [action.uid])
        this.#reject(uid, 'have', action.ask, thrown);
  }

  #shareSettled(
    action: Exclude<VolumeAction, { readonly kind: 'stage' | 'unstage' }>,
    failed: boolean,
    clean: boolean,
    outcome: Published | undefined,
  ): void {
    const { uid } = action;
    const { [uid]: had, ...others } = this.#shares;
    if (action.kind === 'publish') {
      if (outcome) this.#published.set(uid, outcome);
      const share: Share | undefined = failed
        ? clean
          ? had
          : { ...had, state: 'unsure', round: had?.round ?? -1 }
        : { ...had, state: 'yes', round: action.round };
      this.#shares = share ? { ...others, [uid]: share } : others;
    } else if (action.kind === 'expand') {
      if (!failed && had) this.#shares = { ...others, [uid]: { ...had, expandedTo: action.size } };
    } else if (failed) {
      if (had) this.#shares = { ...others, [uid]: { ...had, state: 'unsure' } };
    } else {
      this.#shares = others;
      this.#published.delete(uid);
    }
  }

  #turned({ waits, done }: VolumeDecision): void {
    for (const [uid, order] of this.#orders) {
      if (this.#said.get(uid) === waits[uid]) continue;
      this.#said.set(uid, waits[uid]);
      order.progress(waits[uid]);
    }
    for (const uid of Object.keys(this.#wants)) {
      const published = this.#has(uid);
      if (published) for (const waiter of this.#take(uid, 'have')) waiter.resolve(published);
    }
    for (const uid of this.#leaving) {
      if (uid in this.#shares || this.#loop.slots.facts()[shareSlot(uid)]?.running) continue;
      this.#leaving = this.#leaving.filter((one) => one !== uid);
      this.#orders.delete(uid);
      this.#said.delete(uid);
      for (const waiter of this.#take(uid, 'leave')) waiter.resolve(undefined);
      this.wake();
    }
    if (done && this.#leaving.length === 0) this.#ports.done(this);
  }

  #has(uid: string): Published | undefined {
    const [want, share] = [this.#wants[uid], this.#shares[uid]];
    // It came back while its share is being taken: it gets a new one.
    if (this.#loop.slots.facts()[shareSlot(uid)]?.running?.action.kind === 'unpublish') return undefined;
    if (share?.state !== 'yes' || share.round !== want?.round) return undefined;
    if (want.size !== undefined && share.expandedTo !== want.size) return undefined;
    return this.#published.get(uid);
  }

  #wait(uid: string, kind: Waiter['kind'], signal: AbortSignal): Promise<Published | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Published | undefined>();
    const all = this.#waiters.get(uid) ?? new Set();
    this.#waiters.set(uid, all);
    const onAbort = () => {
      all.delete(waiter);
      reject(signal.reason);
    };
    const over = () => signal.removeEventListener('abort', onAbort);
    const waiter: Waiter = {
      kind,
      ask: this.#asks,
      resolve: (published) => {
        over();
        resolve(published);
      },
      reject: (error) => {
        over();
        reject(error);
      },
    };
    if (signal.aborted) return Promise.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    all.add(waiter);
    return promise;
  }

  /** Whoever asked before the step began; later ones wait for the next attempt. */
  #reject(uid: string, kind: Waiter['kind'], ask: number, error: unknown): void {
    for (const waiter of this.#take(uid, kind, ask)) waiter.reject(error);
  }

  #take(uid: string, kind: Waiter['kind'], ask = Number.POSITIVE_INFINITY): Waiter[] {
    const all = this.#waiters.get(uid);
    const taken = [...(all ?? [])].filter((waiter) => waiter.kind === kind && waiter.ask <= ask);
    for (const waiter of taken) all!.delete(waiter);
    if (all?.size === 0) this.#waiters.delete(uid);
    return taken;
  }
}

function toError(thrown: unknown): EffectError {
  if (isAbort(thrown)) return { reason: 'Aborted', message: 'no longer wanted', settled: true };
  return { reason: 'FailedMount', message: errorMessage(thrown), settled: true };
}
