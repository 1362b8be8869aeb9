import type { Reason } from '../../timeline/reasons.ts';
import type { Action } from './actions.ts';
import { claimRetry } from './claims.ts';
import { retryAt, slot } from './slots.ts';
import { because, launch, type Retry, type Turn } from './turn.ts';

/** What a Pod holds on the node besides its containers. */
export type Holding = 'volumes' | 'claims' | 'cgroup' | 'reservation' | 'files';

/** How one kind of holding is given back. */
interface HoldingKind {
  /** The action that gives it back. It must be harmless without a holding, and twice. */
  readonly giveBack: Action;
  /** What holds the Pod's end back meanwhile. `failure`: the last attempt's, with the mono ms of the next one. */
  reason(failure: { error: string; retryAt: number } | undefined, turn: Turn): Reason;
  /** Something that must settle before it can be given back; undefined when nothing does. */
  heldBy?(turn: Turn): Reason | undefined;
  /** When a failed attempt is repeated; default: after the slot's back-off. */
  retry?(turn: Turn): Retry;
}

/** Every kind of holding. A new one does not compile until it stands here, and `releaseAll` of its phase names it. */
const holdings: Readonly<Record<Holding, HoldingKind>> = {
  volumes: {
    giveBack: { kind: 'unmountVolumes', slot: 'volumes' },
    reason: (failure) => ({ code: 'Unmounting', ...failure }),
    heldBy: mountUnderWay,
  },
  claims: {
    giveBack: { kind: 'unprepareClaims', slot: 'claims' },
    reason: (failure, { facts: { claimWait } }) => ({
      code: 'UnpreparingClaims',
      ...(claimWait === undefined ? failure : { message: claimWait }),
    }),
    retry: claimRetry,
  },
  cgroup: {
    giveBack: { kind: 'removeCgroup', slot: 'cgroup' },
    reason: (failure) => ({ code: 'RemovingCgroup', ...failure }),
  },
  reservation: {
    giveBack: { kind: 'release', slot: 'ledger' },
    reason: () => ({ code: 'ReleasingResources' }),
  },
  files: {
    giveBack: { kind: 'removePodFiles', slot: 'files' },
    reason: (failure) => ({ code: 'RemovingFiles', ...failure }),
  },
};

/** Gives back each of these, side by side. True when the node has all of them back. */
export function releaseAll(turn: Turn, wanted: readonly Holding[]): boolean {
  for (const holding of wanted) release(turn, holding);
  return wanted.every((holding) => turn.memory.returned.includes(holding));
}

function release(turn: Turn, holding: Holding): void {
  if (turn.memory.returned.includes(holding)) return;
  const { giveBack, reason, heldBy, retry } = holdings[holding];
  const { last } = slot(turn.facts, giveBack.slot);
  if (last?.action.kind === giveBack.kind && !last.error) {
    turn.memory.returned = [...turn.memory.returned, holding];
    return;
  }
  const held = heldBy?.(turn);
  if (held) {
    because(turn, held);
    return;
  }
  const failed = last?.action.kind === giveBack.kind ? last.error : undefined;
  because(turn, reason(failed && { error: failed.message, retryAt: retryAt(turn.facts, giveBack.slot) }, turn));
  launch(turn, giveBack, retry?.(turn));
}

/** A mount that has not settled could come after the unmount. */
function mountUnderWay(turn: Turn): Reason | undefined {
  const mounting = Object.entries(turn.facts.slots).find(([, { running }]) => running?.action.kind === 'mountVolume');
  const running = mounting?.[1].running;
  return running && { code: 'SettlingAction', slot: mounting[0], action: 'mountVolume', since: running.since };
}
