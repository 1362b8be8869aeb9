import type { Published } from './contract.ts';
import { type ShareAction, shareAfter } from './rules/shareAfter.ts';
import type { Share, VolumeFacts, Want } from './rules/volumeFacts.ts';
import type { StepOrder } from './steps.ts';

/** The Pods that want one volume, have it (or perhaps), or are to have it no more; by UID. Records are replaced, so that facts can share them. */
export class VolumeUsers {
  readonly #orders = new Map<string, StepOrder>();
  readonly #published = new Map<string, Published>();
  readonly #said = new Map<string, string | undefined>();
  #wants: Readonly<Record<string, Want>> = {};
  #shares: Readonly<Record<string, Share>> = {};
  #leaving: readonly string[] = [];
  #asks = 0;

  /** `found`: Pods that an earlier process may have given it to. */
  constructor(found: readonly string[]) {
    this.#shares = Object.fromEntries(found.map((uid) => [uid, { state: 'unsure', round: -1 }]));
  }

  /** How often anybody has wanted it. */
  get asks(): number {
    return this.#asks;
  }

  /** Who has it, or perhaps. */
  get sharing(): string[] {
    return Object.keys(this.#shares);
  }

  /** Who wants it. */
  get wanting(): string[] {
    return Object.keys(this.#wants);
  }

  /** Who is to have it no more. */
  get leaving(): readonly string[] {
    return this.#leaving;
  }

  /** What decisions see of them. */
  facts(): Pick<VolumeFacts, 'wants' | 'shares' | 'leaving'> {
    return { wants: this.#wants, shares: this.#shares, leaving: this.#leaving };
  }

  /** What the Pod ordered last. */
  order(uid: string): StepOrder | undefined {
    return this.#orders.get(uid);
  }

  /** Whether the Pod has it, or perhaps. */
  shares(uid: string): boolean {
    return uid in this.#shares;
  }

  /** Whether the volume has anything to do with the Pod. */
  concerns(uid: string): boolean {
    return uid in this.#wants || uid in this.#shares || this.#leaving.includes(uid);
  }

  /** The Pod wants it from now on; returns the number of this ask. What was given with a `refreshAt` before `wall` is wanted anew. */
  want(order: StepOrder, canExpand: boolean, wall: number): number {
    const uid = order.pod.metadata.uid;
    this.#asks += 1;
    const due = this.#published.get(uid)?.refreshAt ?? Number.POSITIVE_INFINITY;
    const round = (this.#wants[uid]?.round ?? 0) + (due <= wall ? 1 : 0);
    const size = canExpand && order.size;
    const want = { ask: this.#asks, round, label: order.seLinuxLabel ?? '', ...(size ? { size } : {}) };
    this.#orders.set(uid, order);
    this.#wants = { ...this.#wants, [uid]: want };
    this.#leaving = this.#leaving.filter((one) => one !== uid);
    return this.#asks;
  }

  /** The Pod wants it no more. */
  leave(uid: string): void {
    const { [uid]: _, ...wants } = this.#wants;
    this.#wants = wants;
    if (!this.#leaving.includes(uid)) this.#leaving = [...this.#leaving, uid];
  }

  /** Nothing of it is left at a Pod that was leaving. */
  left(uid: string): void {
    this.#leaving = this.#leaving.filter((one) => one !== uid);
    this.#orders.delete(uid);
    this.#said.delete(uid);
  }

  /** A step for a Pod is over; `clean`: one that failed left nothing behind that it had begun. */
  settled(action: ShareAction, failed: boolean, clean: boolean, outcome: Published | undefined): void {
    const { uid } = action;
    const share = shareAfter(this.#shares[uid], action, failed, clean);
    const { [uid]: _, ...others } = this.#shares;
    this.#shares = share ? { ...others, [uid]: share } : others;
    if (outcome && action.kind === 'publish') this.#published.set(uid, outcome);
    if (!failed && action.kind === 'unpublish') this.#published.delete(uid);
  }

  /** What the Pod was given, if it has what it ordered last. */
  has(uid: string): Published | undefined {
    const [want, share] = [this.#wants[uid], this.#shares[uid]];
    if (share?.state !== 'yes' || share.round !== want?.round) return undefined;
    if (want.size !== undefined && share.expandedTo !== want.size) return undefined;
    return this.#published.get(uid);
  }

  /** Tells each Pod what it waits for, when that is another thing than before. */
  tell(waits: Readonly<Record<string, string>>): void {
    for (const [uid, order] of this.#orders) {
      if (this.#said.get(uid) === waits[uid]) continue;
      this.#said.set(uid, waits[uid]);
      order.progress(waits[uid]);
    }
  }
}
