import type { ProbeRun } from './run.ts';
import type { ProbeKind } from './spec.ts';

/** What the probes say about one container id. */
export interface ProbeState {
  readonly containerId: string;
  /** Absent while the startup probe has reached no verdict. */
  readonly started?: boolean;
  /** Absent while the readiness probe has reached no verdict; it is not asked before the container has started. */
  readonly ready?: boolean;
  readonly failed?: 'liveness' | 'startup';
  /** The latest failure of a probe that holds the container back. */
  readonly message?: string;
}

/** The runs of one container; a kind without a probe is absent. */
export type Runs = Readonly<Partial<Record<ProbeKind, ProbeRun>>>;

const MESSAGE_LENGTH = 256;

/** Started: the startup probe has passed, or there is none. */
export function isStarted(runs: Runs): boolean {
  return runs.startup === undefined || runs.startup.value === 'success';
}

/** The verdict over all probes of a container. */
export function probeState(containerId: string, runs: Runs): ProbeState {
  const started = verdict(runs.startup);
  const ready = started === true ? verdict(runs.readiness) : started;
  const failed =
    runs.startup?.value === 'failure' ? 'startup' : runs.liveness?.value === 'failure' ? 'liveness' : undefined;
  const holding = failed ?? (!started ? 'startup' : !ready ? 'readiness' : undefined);
  const message = holding && runs[holding]?.message?.slice(0, MESSAGE_LENGTH);
  return {
    containerId,
    ...(started !== undefined && { started }),
    ...(ready !== undefined && { ready }),
    ...(failed && { failed }),
    ...(message && { message }),
  };
}

/** Without a probe it is a yes. */
function verdict(run: ProbeRun | undefined): boolean | undefined {
  if (run === undefined) return true;
  return run.value === 'unknown' ? undefined : run.value === 'success';
}

/** Whether the difference is worth waking anybody: numbers in messages (ports, counters) change with each attempt. */
export function sameState(a: ProbeState | undefined, b: ProbeState | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.containerId === b.containerId &&
    a.started === b.started &&
    a.ready === b.ready &&
    a.failed === b.failed &&
    withoutNumbers(a.message) === withoutNumbers(b.message)
  );
}

function withoutNumbers(text: string | undefined): string | undefined {
  return text?.replace(/\d+/g, '#');
}
