import { isAbort } from '../../lib/errors.ts';
import { Loop } from '../../loop/loop.ts';
import type { PersistentKind, Published, VolumeIdentity } from './contract.ts';
import { LabelComparison } from './labelComparison.ts';
import { decideVolume } from './rules/decideVolume.ts';
import { shareSlot, type VolumeAction, type VolumeDecision, type VolumeFacts } from './rules/volumeFacts.ts';
import { slotRules, toError } from './stepRules.ts';
import { carryOut, type StepOrder } from './steps.ts';
import { StepTimes } from './stepTimes.ts';
import { StepWaiters } from './stepWaiters.ts';
import { isFinal } from './volumeStepError.ts';
import { VolumeUsers } from './volumeUsers.ts';
import type { NodeSide, VolumeWorkerPorts } from './workerPorts.ts';

/**
 * The one owner of a volume that outlasts Pods. Pods' workers say what they want of it (`have`) and that they are over (`leave`); it
 * decides (rules/decideVolume.ts) and carries the steps out.
 */
export class VolumeWorker {
  #identity: VolumeIdentity;
  readonly #kind: PersistentKind;
  readonly #ports: VolumeWorkerPorts;
  readonly #loop: Loop<VolumeFacts, null, VolumeAction, VolumeDecision, Published | undefined>;
  readonly #waiters = new StepWaiters();
  readonly #users: VolumeUsers;
  #staged: VolumeFacts['staged'];
  /** The SELinux label that it is staged with. */
  #stagedLabel = '';
  readonly #times: StepTimes;
  readonly #labels: LabelComparison;

  constructor(
    identity: VolumeIdentity,
    kind: PersistentKind,
    ports: VolumeWorkerPorts,
    found: { staged: boolean; pods: readonly string[] },
  ) {
    this.#identity = identity;
    this.#kind = kind;
    this.#ports = ports;
    const metricName = () => kind.metricName?.(this.#identity) ?? kind.plugin;
    this.#times = new StepTimes(ports, () => this.#identity.mode, metricName);
    this.#labels = new LabelComparison(ports.seLinuxCounts, metricName);
    this.#staged = found.staged ? 'unsure' : 'no';
    this.#users = new VolumeUsers(found.pods);
    this.#loop = new Loop(
      {
        ...{ clock: ports.clock, slots: slotRules, decide: decideVolume, toError },
        snapshot: (slots) => this.#snapshot(slots),
        effect: (action, _facts, signal) => this.#times.measured(action, () => this.#carryOut(action, signal)),
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
    return this.#users.sharing;
  }

  /**
   * The Pod of the order wants it, and goes on wanting it until `leave`. Resolves when it has it as ordered; rejects with the next
   * failure of a step on the way there, in kubelet's words. Aborting the order's signal ends only the waiting. What was given with a
   * `refreshAt` that has come is published again.
   */
  have(order: StepOrder): Promise<Published> {
    const uid = order.pod.metadata.uid;
    if (!this.#users.wanting.includes(uid)) this.#labels.joined(order.label, this.#users.wanting.length === 0);
    const ask = this.#users.want(order, this.#kind.expand !== undefined, this.#ports.clock.now().wall);
    const waiting = this.#waiters.wait(uid, 'have', ask, order.signal) as Promise<Published>;
    this.wake();
    return waiting;
  }

  /** The Pod wants it no more. Resolves when it has nothing of it; rejects with the next failure on the way there. */
  leave(uid: string, signal: AbortSignal): Promise<void> {
    this.#users.leave(uid);
    const waiting = this.#waiters.wait(uid, 'leave', this.#users.asks, signal);
    this.wake();
    return waiting.then(() => undefined);
  }

  /** Whether the volume has anything to do with the Pod. */
  concerns(uid: string): boolean {
    return this.#users.concerns(uid);
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
      ...this.#users.facts(),
      settled,
      slots,
    };
  }

  #carryOut(action: VolumeAction, signal: AbortSignal): Promise<Published | undefined> {
    const order = 'uid' in action ? this.#users.order(action.uid) : undefined;
    const others = 'uid' in action ? this.pods.filter((uid) => uid !== action.uid) : [];
    const rivals = 'uid' in action ? this.#publishing().filter((uid) => uid !== action.uid) : [];
    const again = 'uid' in action && this.#users.shares(action.uid);
    const step = { kind: this.#kind, volume: this.identity, action, order, others, rivals, again };
    return carryOut(this.#ports, { ...step, devicePath: this.#node().devicePath ?? '' }, signal);
  }

  /** UIDs of Pods that it is being given to, and are not among those that have it. */
  #publishing(): string[] {
    const running = Object.values(this.#loop.slots.facts()).flatMap((slot) => slot?.running?.action ?? []);
    return running.flatMap((action) =>
      action.kind === 'publish' && !this.#users.shares(action.uid) ? action.uid : [],
    );
  }

  #settled(
    action: VolumeAction,
    { outcome, thrown }: { readonly outcome?: Published | undefined; readonly thrown?: unknown },
  ) {
    const failed = thrown !== undefined;
    const clean = !failed || isFinal(thrown);
    if (action.kind === 'stage') {
      this.#staged = failed ? (clean ? this.#staged : 'unsure') : 'yes';
      this.#stagedLabel = action.label;
    } else if (action.kind === 'unstage') this.#staged = failed ? 'unsure' : 'no';
    else this.#users.settled(action, failed, clean, outcome);
    if (!failed || isAbort(thrown) || action.kind === 'unstage') return;
    if (action.kind === 'unpublish') this.#waiters.reject(action.uid, 'leave', this.#users.asks, thrown);
    else
      for (const uid of action.kind === 'stage' ? this.#users.wanting : [action.uid])
        this.#waiters.reject(uid, 'have', action.ask, thrown);
  }

  #turned({ waits, done }: VolumeDecision): void {
    this.#users.tell(waits);
    for (const uid of this.#users.wanting) {
      const published = this.#has(uid);
      if (published) this.#waiters.resolve(uid, 'have', published);
    }
    for (const uid of this.#users.leaving) {
      if (this.#users.shares(uid) || this.#running(uid)) continue;
      this.#users.left(uid);
      this.#waiters.resolve(uid, 'leave', undefined);
      this.wake();
    }
    if (done && this.#users.leaving.length === 0) this.#ports.done(this);
  }

  #has(uid: string): Published | undefined {
    // It came back while its share is being taken: it gets a new one.
    return this.#running(uid)?.action.kind === 'unpublish' ? undefined : this.#users.has(uid);
  }

  #running(uid: string) {
    return this.#loop.slots.facts()[shareSlot(uid)]?.running;
  }
}
