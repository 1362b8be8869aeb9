import { formatQuantity } from '../../../k8s/quantity.ts';
import type { PressureAssessment } from './assess.ts';
import type { Observed } from './observations.ts';
import { nextVictim, type Ranked } from './ranking.ts';
import { ALL_SIGNALS, type Signal, signals } from './signals.ts';
import { quantityAt, type Threshold, thresholdText } from './thresholds.ts';

/** One threshold beside what there is. */
export interface ThresholdView {
  readonly threshold: string;
  /** As a quantity, at the present capacity. */
  readonly amount: string;
  readonly kind: 'hard' | 'soft';
  readonly graceMs: number;
  readonly minReclaim?: string;
  /** Since when it is crossed, or not yet over; absent: it is not. */
  readonly crossedMs?: number;
  /** Its grace is over: something is done about it. */
  readonly acts: boolean;
}

export interface SignalView {
  readonly signal: Signal;
  readonly available: number;
  readonly capacity: number;
  readonly thresholds: readonly ThresholdView[];
}

export interface PodView {
  readonly pod: string;
  readonly uid: string;
  readonly critical: boolean;
  readonly priority: number;
  /** null: it is not known. */
  readonly use: number | null;
  readonly request: number;
  readonly exceedsRequest: boolean;
}

/** The answer to "what is the node short of, and who would go next?". */
export interface NodeWhy {
  readonly node: string;
  readonly conditions: readonly string[];
  /** What the owner of the node's pressure does now. */
  readonly doing: string;
  /** How old the figures are, ms; absent before the first look. */
  readonly ageMs?: number;
  readonly signals: readonly SignalView[];
  /** Figures that cannot be, and are not acted on. */
  readonly impossible: readonly string[];
  readonly order: {
    readonly signal: Signal;
    /** Why there is no order. */
    readonly problem?: string;
    readonly pods: readonly PodView[];
    readonly next: string | null;
  };
}

/** The look that an explanation is about. `now` and `atMs` are monotonic ms. */
export interface ExplainedLook {
  readonly atMs: number;
  readonly observed: Observed;
  readonly assessment: PressureAssessment;
  readonly thresholds: readonly Threshold[];
}

/** The signal whose order of Pods is of interest: what is acted on, else what is crossed, else memory. */
export function signalOfInterest({ assessment, thresholds }: Pick<ExplainedLook, 'assessment' | 'thresholds'>): Signal {
  const crossed = thresholds.find(({ id }) => assessment.memory.since[id] !== undefined);
  return (assessment.acting[0] ?? crossed)?.signal ?? 'memory.available';
}

/** The signals of a look beside their thresholds; those without both are left out. */
export function signalViews({ observed, assessment, thresholds }: ExplainedLook, now: number): SignalView[] {
  return ALL_SIGNALS.flatMap((signal) => {
    const found = observed.observations[signal];
    const own = thresholds.filter((t) => t.signal === signal);
    if (!found || own.length === 0) return [];
    const views = own.map((threshold): ThresholdView => {
      const { id, value, graceMs, minReclaim } = threshold;
      const since = assessment.memory.since[id];
      return {
        threshold: thresholdText(threshold),
        amount: formatQuantity(quantityAt(value, found.capacity)),
        kind: graceMs === 0 ? 'hard' : 'soft',
        graceMs,
        ...(minReclaim ? { minReclaim: formatQuantity(quantityAt(minReclaim, found.capacity)) } : {}),
        ...(since === undefined ? {} : { crossedMs: Math.max(0, now - since) }),
        acts: assessment.memory.acting.includes(id),
      };
    });
    return [{ signal, ...found, thresholds: views }];
  });
}

/** The order of Pods for an answer. */
export function podViews(ranked: readonly Ranked[]): Pick<NodeWhy['order'], 'pods' | 'next'> {
  const next = nextVictim(ranked);
  return {
    pods: ranked.map(({ candidate, critical, priority, use, request, exceedsRequest }) => {
      const pod = nameOf(candidate.pod.metadata);
      return { pod, uid: candidate.uid, critical, priority, use: use ?? null, request, exceedsRequest };
    }),
    next: next ? nameOf(next.candidate.pod.metadata) : null,
  };
}

function nameOf(meta: { readonly namespace?: string; readonly name?: string } | undefined): string {
  return `${meta?.namespace ?? ''}/${meta?.name ?? ''}`;
}

/** Pods that the text names; JSON has them all. */
const SHOWN = 10;

/** As text, one fact a line. */
export function nodeWhyText(answer: NodeWhy): string {
  const { node, conditions, doing, ageMs, impossible, order } = answer;
  const { resource } = signals[order.signal];
  const lines = [
    `${node} has ${conditions.length === 0 ? 'no pressure' : conditions.join(', ')}: ${doing}.`,
    ...(ageMs === undefined ? [] : [`Its figures are ${seconds(ageMs)} old.`]),
    ...answer.signals.map(signalLine),
    ...impossible.map((sentence) => `  - cannot be, and is not acted on: ${sentence}`),
    ...(order.problem === undefined ? [] : [`Pods cannot be ranked for ${resource}: ${order.problem}`]),
    ...(order.pods.length === 0
      ? []
      : [`If Pods had to go for ${resource} (${order.signal}), this would be their order:`]),
    ...order.pods.slice(0, SHOWN).map((pod, i) => podLine(pod, i, order.signal)),
    ...(order.pods.length > SHOWN ? [`  … and ${order.pods.length - SHOWN} more`] : []),
    ...(order.problem === undefined
      ? [order.next === null ? 'No Pod could be ended.' : `Next would be ${order.next}.`]
      : []),
  ];
  return `${lines.join('\n')}\n`;
}

function signalLine({ signal, available, capacity, thresholds }: SignalView): string {
  const of = (n: number) => amountText(signal, n);
  const all = thresholds.map((t) => {
    const grace = t.kind === 'soft' ? ` for ${seconds(t.graceMs)}` : '';
    const state =
      t.crossedMs === undefined ? '' : `, crossed since ${seconds(t.crossedMs)}${t.acts ? ', acted on' : ''}`;
    return `${t.kind} below ${t.threshold.split('<')[1]}${grace}${state}`;
  });
  return `  - ${signal}: ${of(available)} of ${of(capacity)}; ${all.join('; ')}`;
}

function podLine(
  { pod, critical, priority, use, request, exceedsRequest }: PodView,
  i: number,
  signal: Signal,
): string {
  const of = (n: number) => amountText(signal, n);
  const takes = use === null ? 'takes what could not be measured' : `takes ${of(use)}`;
  const asked = request === 0 ? '' : ` and asked for ${of(request)}`;
  const note = critical ? '; critical, never ended for pressure' : exceedsRequest ? '' : ' (within its request)';
  return `  ${i + 1}. ${pod} ${takes}${asked}, priority ${priority}${note}`;
}

const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;
const UNITS = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];

/** Bytes in a unit that people can compare; counts as they are. */
function amountText(signal: Signal, n: number): string {
  if (signals[signal].format === 'DecimalSI') return String(n);
  const power = Math.min(UNITS.length - 1, n < 1 ? 0 : Math.floor(Math.log2(n) / 10));
  const value = n / 1024 ** power;
  return `${Number.isInteger(value) ? value : value.toFixed(1)}${UNITS[power]}`;
}
