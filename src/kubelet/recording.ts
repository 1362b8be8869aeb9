import { errorMessage, isAbort } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Action } from '../podworker/rules/actions.ts';
import type { PodWorker, WorkerPorts } from '../podworker/worker.ts';
import type { Recorder } from '../timeline/recorder.ts';
import type { PodStatus } from '../types/k8s.ts';

/** The ports of the worker that only watch it: its timeline. */
export function recordingPorts(
  recorder: Recorder,
  ended?: (uid: string, action: Action, ms: number, error: unknown) => void,
): Pick<WorkerPorts, 'decided' | 'actionStarted' | 'actionEnded'> {
  return {
    decided(facts, memory, decision, now) {
      const quiet = decision.start.length === 0 && decision.abort.length === 0 && decision.events.length === 0;
      recorder.decision(facts.uid, { now, facts, memory, decision }, decision.memory.phase, decision.reasons, quiet);
    },
    actionStarted() {},
    actionEnded(uid, action, startedAt, error) {
      ended?.(uid, action, performance.now() - startedAt, error);
      const wall = Date.now() - (performance.now() - startedAt);
      const message = error === undefined ? {} : { error: errorMessage(error) };
      recorder.record(uid, {
        kind: 'action',
        at: { wall, mono: startedAt },
        action: action.kind,
        slot: action.slot,
        end: performance.now(),
        ...message,
      });
    },
  };
}

/** One log line for each action that failed, with the Pod's identity; those that went well at -v=4. */
export function logAction(
  log: Logger,
  worker: PodWorker | undefined,
  action: Action,
  ms: number,
  error: unknown,
): void {
  const { namespace, name, uid } = worker?.facts ?? {};
  const fields = {
    pod: `${namespace}/${name}`,
    podUID: uid,
    action: action.kind,
    slot: action.slot,
    ms: Math.round(ms),
  };
  if (error === undefined || isAbort(error)) log.debug('action ended', fields);
  else log.warn('action failed', { ...fields, error: errorMessage(error) });
}

/** The start of a Pod's timeline. */
export function recordHeard(
  recorder: Recorder,
  worker: PodWorker,
  origin: string,
  createdAt: number | undefined,
): void {
  const { uid, namespace, name } = worker.facts;
  recorder.open({ uid, namespace, name });
  const at = { wall: Date.now(), mono: performance.now() };
  recorder.record(uid, { kind: 'heard', at, origin, ...(createdAt === undefined ? {} : { createdAt }) });
}

/** What a status PATCH changes, in a few words. */
export function statusSummary(status: PodStatus): string {
  const trueOnes = (status.conditions ?? []).filter((c) => c.status === 'True').map((c) => c.type);
  const words = [
    ...(status.phase ? [status.phase] : []),
    ...(status.reason ? [status.reason] : []),
    ...(status.containerStatuses ?? []).map((c) => `${c.name} ${Object.keys(c.state ?? {})[0] ?? 'unknown'}`),
    ...(trueOnes.length > 0 ? [`(${trueOnes.join(', ')} True)`] : []),
  ];
  return words.join(' ') || Object.keys(status).join(', ');
}
