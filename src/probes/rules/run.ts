import type { ProbeKind, ProbeSpec } from './spec.ts';

/** What a probe has established so far. */
export type ProbeValue = 'success' | 'failure' | 'unknown';

/** One attempt's end. `error`: the probe itself could not be carried out; it says nothing about the container. */
export type AttemptResult = 'success' | 'failure' | 'error';

/** One probe of one container id. All times are monotonic milliseconds. */
export interface ProbeRun {
  readonly value: ProbeValue;
  /** The last counted result and how often in a row it came. */
  readonly last: 'success' | 'failure' | undefined;
  readonly streak: number;
  /** No more attempts for this container id: the verdict is final until the container is replaced. */
  readonly onHold: boolean;
  /** Nothing is attempted before: the container's start plus the initial delay. */
  readonly earliest: number;
  /** When the first attempt was due; undefined until then. */
  readonly openedAt: number | undefined;
  /** How many early attempts are behind; equals the number of offsets when there are none (left). */
  readonly early: number;
  readonly nextAt: number;
  /** The latest failure's text; undefined after a success. */
  readonly message: string | undefined;
}

/** The circumstances under which a container came to its probes. */
export interface RunStart {
  /** The container's own start. */
  readonly startedAt: number;
  /** It ran before this process did: attempts begin after this many ms, and the container needs no early ones. */
  readonly spreadMs?: number;
  /** From when the node has had the Pod (monotonic): a liveness probe's periods are counted from here. Default: from the container's start. */
  readonly phase?: number;
}

const INITIAL: Readonly<Record<ProbeKind, ProbeValue>> = {
  startup: 'unknown',
  readiness: 'unknown',
  liveness: 'success',
};

/**
 * Offsets (ms) of extra attempts right after a container without initialDelaySeconds starts, whose failures do not count.
 * Go's kubelet probes in an arbitrary phase of the period and re-triggers readiness when its polling notices the start;
 * an attempt at the very start alone would mostly come too soon and cost a whole period.
 */
export function earlyOffsets(spec: ProbeSpec): readonly number[] {
  if (spec.initialDelayMs > 0 || spec.kind === 'liveness') return [];
  return [0, 300, 1000].filter((offset) => offset < regularOffset(spec));
}

/** Offset (ms) from the opening of the first attempt that counts in full. Never shorter than Go's own shortest wait for a verdict that kills. */
function regularOffset(spec: ProbeSpec): number {
  if (spec.initialDelayMs > 0 || spec.kind === 'liveness') return 0;
  return spec.kind === 'readiness' ? Math.min(1000, spec.periodMs) : spec.periodMs;
}

/** ms from the container's start to the end of the period that it started in. */
function restOfPeriod({ startedAt, phase = startedAt }: RunStart, periodMs: number): number {
  return periodMs - (Math.max(0, startedAt - phase) % periodMs);
}

/**
 * A fresh run. A liveness probe without a delay is first made when the period ends in which the container started, as in Go, where one
 * ticker counts from the moment that the node has the Pod: never later than a period, and no attempt before it, since a failure may be fatal.
 */
export function newRun(spec: ProbeSpec, start: RunStart, nowMono: number): ProbeRun {
  const adopted = start.spreadMs !== undefined;
  const delay = spec.initialDelayMs || (spec.kind === 'liveness' ? restOfPeriod(start, spec.periodMs) : 0);
  const earliest = Math.max(start.startedAt + delay, adopted ? nowMono + start.spreadMs : Number.NEGATIVE_INFINITY);
  return {
    value: INITIAL[spec.kind],
    last: undefined,
    streak: 0,
    onHold: false,
    earliest,
    openedAt: undefined,
    early: adopted ? earlyOffsets(spec).length : 0,
    nextAt: earliest,
    message: undefined,
  };
}

/** A startup probe's run of a container that is known to have started: what was passed once is not asked again. */
export function alreadyStarted(run: ProbeRun): ProbeRun {
  return run.value === 'unknown' ? { ...run, value: 'success', onHold: true, message: undefined } : run;
}

/** Whether liveness and readiness may run yet, and whether the Pod is ending. */
export interface Gates {
  readonly started: boolean;
  /** The Pod terminates: readiness goes on, liveness and startup stop. */
  readonly readinessOnly: boolean;
}

/** When the next attempt is due, never before `nowMono`; undefined: not until something else changes. */
export function nextProbe(spec: ProbeSpec, run: ProbeRun, gates: Gates, nowMono: number): number | undefined {
  if (run.onHold) return undefined;
  if (spec.kind === 'startup' ? gates.started : !gates.started) return undefined;
  if (gates.readinessOnly && spec.kind !== 'readiness') return undefined;
  return Math.max(run.nextAt, nowMono);
}

/** Whether a failure of the coming attempt would only be a sign that the container is still on its way up. */
export function isEarly(spec: ProbeSpec, run: ProbeRun): boolean {
  return run.value !== 'success' && run.early < earlyOffsets(spec).length;
}

/** The run after an attempt that was due at `dueAt` and ended at `nowMono`. */
export function applyResult(
  spec: ProbeSpec,
  run: ProbeRun,
  result: AttemptResult,
  dueAt: number,
  nowMono: number,
  message?: string,
): ProbeRun {
  const timed = reschedule(spec, run, result, dueAt, nowMono);
  if (result === 'error') return timed;
  const text = result === 'success' ? undefined : message;
  if (result === 'failure' && isEarly(spec, run)) return { ...timed, message: text };
  const streak = run.last === result ? run.streak + 1 : 1;
  const counted: ProbeRun = { ...timed, last: result, streak, message: text };
  if (streak < (result === 'success' ? spec.successThreshold : spec.failureThreshold)) return counted;
  const final = spec.kind === 'startup' || (spec.kind === 'liveness' && result === 'failure');
  return { ...counted, value: result, onHold: final, streak: final ? 0 : streak };
}

function reschedule(spec: ProbeSpec, run: ProbeRun, result: AttemptResult, dueAt: number, nowMono: number): ProbeRun {
  const openedAt = run.openedAt ?? dueAt;
  const offsets = earlyOffsets(spec);
  const early = result === 'success' ? offsets.length : Math.min(run.early + 1, offsets.length);
  const stillEarly = run.early < offsets.length && result !== 'success';
  const planned = stillEarly ? openedAt + (offsets[early] ?? regularOffset(spec)) : dueAt + spec.periodMs;
  return { ...run, openedAt, early, nextAt: Math.max(planned, nowMono) };
}
