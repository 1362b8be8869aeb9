import type { PodEvent } from '../events/event.ts';
import type { PodEntry } from '../pods/entry.ts';
import type { AdmissionFact, ResizeAnswer } from '../pods/facts.ts';
import { resourcesOf } from '../pods/rules/allocation.ts';
import type { PodTable } from '../pods/table.ts';
import type { StoredPod } from '../types/k8s.ts';
import { Ledger } from './ledger.ts';
import { PREEMPTED } from './rules/preemption.ts';
import type { DevicePlaces, NodeView, OwnResources, ResizeSettings, ResizeVerdict, Verdict } from './types.ts';

/** What the ledger is connected with: the Pods, the node, and who hears of what it decides. */
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
  /** A Pod is ended for a critical one: the first resource that this one lacked; empty when it is not known. */
  onPreempted?(resource: string): void;
}

/** The ledger, closed until the sources are heard, with its answers going to the Pods. Victims of a waiting Pod are ended. */
export function openLedger({ table, view, freshView, onEvent, onPreempted, ...giving }: AdmissionOptions): Ledger {
  const ledger: Ledger = new Ledger({
    closed: true,
    node: view(),
    refreshNode: freshView,
    ...giving,
    unasked: () => table.all().flatMap((entry) => (ledger.knows(entry.uid) ? [] : unasked(entry))),
  });
  ledger.onResize(({ metadata: { uid }, ...pod }, verdict) => {
    const wanted = resourcesOf(pod);
    table.learn(uid, { kind: 'resize', wanted, answer: resizeAnswer(verdict) });
  });
  table.onDecided(({ uid, gone, phase }) => {
    if (gone && phase === 'Terminating') ledger.leaving(uid);
    ledger.answerHeld();
  });
  table.onEnded(() => ledger.answerHeld());
  ledger.onVerdict((uid, verdict) => table.learn(uid, { kind: 'admission', fact: admissionFact(verdict) }));
  ledger.onVictim(({ uid }, _preemptor, lacking) => {
    const { reason, message, condition } = PREEMPTED;
    const victim = table.get(uid);
    if (!victim) return;
    onEvent(victim, { type: 'Warning', reason, message });
    onPreempted?.(lacking ?? '');
    table.end(uid, { cause: 'preempted', reason, message, condition });
  });
  return ledger;
}

/** A Pod that may run already, and then cannot be refused; it asks when the runtime was read. */
function unasked({ pod, phase, observed }: PodEntry): StoredPod[] {
  if (phase !== 'Admitting' || !pod) return [];
  const mayRun = observed === null || observed.containers.some((container) => container.state === 'running');
  return mayRun ? [pod as StoredPod] : [];
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
