import type { PodEvent } from '../events/event.ts';
import type { PodEntry } from '../pods/entry.ts';
import type { AdmissionFact, ResizeAnswer } from '../pods/facts.ts';
import { resourcesOf } from '../pods/rules/allocation.ts';
import type { PodTable } from '../pods/table.ts';
import { Ledger } from './ledger.ts';
import { PREEMPTED } from './rules/preemption.ts';
import type { DevicePlaces, NodeView, OwnResources, ResizeSettings, ResizeVerdict, Verdict } from './types.ts';

export interface AdmissionOptions {
  readonly table: PodTable;
  /** The node as the rules see it now. */
  view(): NodeView;
  /** Asks the API server for the Node before a Pod is rejected for it; undefined when it does not say. */
  freshView(): Promise<NodeView | undefined>;
  onEvent(entry: PodEntry, event: PodEvent): void;
  readonly devices?: DevicePlaces;
  readonly own?: OwnResources;
  /** What forbids resizes; nothing unless given. */
  readonly resizes?: ResizeSettings;
  /** A resize was found to be infeasible: why, in the words of kubelet's metric. */
  onInfeasible?(detail: string): void;
}

/** The ledger, closed until the sources are heard, with its answers going to the Pods. Victims of a waiting Pod are ended. */
export function openLedger({ table, view, freshView, onEvent, ...giving }: AdmissionOptions): Ledger {
  const ledger: Ledger = new Ledger({
    closed: true,
    node: view(),
    refreshNode: freshView,
    ...giving,
    someRunUnasked: () => table.all().some((entry) => isUnasked(entry) && !ledger.knows(entry.uid)),
  });
  ledger.onResize(({ metadata: { uid }, ...pod }, verdict) => {
    const wanted = resourcesOf(pod);
    table.learn(uid, { kind: 'resize', wanted, answer: resizeAnswer(verdict) });
  });
  table.onDecided(({ uid, gone, phase }) => {
    if (gone && phase === 'Terminating') ledger.leaving(uid);
    ledger.answerResizes();
  });
  table.onEnded(() => ledger.answerResizes());
  ledger.onVerdict((uid, verdict) => table.learn(uid, { kind: 'admission', fact: admissionFact(verdict) }));
  ledger.onVictim(({ uid }) => {
    const { reason, message, condition } = PREEMPTED;
    const victim = table.get(uid);
    if (!victim) return;
    onEvent(victim, { type: 'Warning', reason, message });
    table.end(uid, { cause: 'preempted', reason, message, condition });
  });
  return ledger;
}

/** It may run already, and then it cannot be refused; it asks when the runtime was read. */
function isUnasked({ pod, phase, observed }: PodEntry): boolean {
  if (phase !== 'Admitting' || !pod) return false;
  return observed === null || observed.containers.some((container) => container.state === 'running');
}

/** The ledger's verdict as a fact. */
export function admissionFact(verdict: Verdict): AdmissionFact {
  if (verdict.verdict === 'admitted')
    return verdict.devices ? { state: 'allocating', ...verdict.devices } : { state: 'admitted' };
  if (verdict.verdict === 'rejected') {
    const { reason, message, lost } = verdict;
    return { state: 'rejected', reason, message, ...(lost !== undefined && { lost }) };
  }
  return { state: 'waiting', victims: verdict.victims.map((v) => `${v.namespace}/${v.name}`) };
}

/** The ledger's answer to a resize as a fact. */
export function resizeAnswer(verdict: ResizeVerdict): ResizeAnswer {
  return verdict.resize === 'granted' ? { state: 'granted' } : { state: verdict.resize, message: verdict.message };
}
