import { bounded } from '../lib/bounded.ts';
import type { Clock } from '../lib/clock.ts';
import { errorMessage, isAbort } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { ownEntry } from '../lib/ownEntry.ts';
import type { CpuFact, PodClaims, PodDevices } from '../pods/facts.ts';
import type { RecordedPod, Recorder } from '../timeline/recorder.ts';
import type { Action } from './rules/actions.ts';
import type { WorkerPorts } from './workerPorts.ts';

/** The ports of the worker that only watch it: its timeline. */
export function recordingPorts(
  recorder: Recorder,
  clock: Clock,
  ended?: (uid: string, action: Action, ms: number, error: unknown) => void,
): Pick<WorkerPorts, 'decided' | 'actionEnded'> {
  return {
    decided(facts, memory, decision, now) {
      const quiet = decision.start.length === 0 && decision.abort.length === 0 && decision.events.length === 0;
      recorder.decision(facts.uid, { now, facts, memory, decision }, decision.memory.phase, decision.reasons, quiet);
      const held = [...cpuHoldings(facts.cpus), ...holdings(facts.devices), ...claimHoldings(facts.claims)];
      recorder.holds(facts.uid, held.slice(0, MOST_HOLDINGS));
    },
    actionEnded(uid, action, startedAt, error) {
      const now = clock.now();
      const ms = now.mono - startedAt;
      ended?.(uid, action, ms, error);
      const message = error === undefined ? {} : { error: errorMessage(error) };
      recorder.record(uid, {
        kind: 'action',
        at: { wall: now.wall - ms, mono: startedAt },
        action: action.kind,
        slot: action.slot,
        end: now.mono,
        ...message,
      });
    },
  };
}

/** CPUs, and NUMA nodes of memory, that containers have for themselves. */
function cpuHoldings(cpus: CpuFact | null = null): string[] {
  const { own = {}, memory = {}, pooled = [] } = cpus ?? {};
  const names = [...new Set([...Object.keys(own), ...Object.keys(memory)])].slice(0, MOST_HOLDINGS);
  return names.map((container) => {
    const [cpuList = '', nodes = ''] = [ownEntry(own, container), ownEntry(memory, container)];
    const shared = pooled.includes(container) ? ' with others of the Pod' : '';
    const parts = [cpuList && `CPUs ${cpuList}${shared}`, nodes && `memory of NUMA nodes ${nodes}`];
    return bounded(`${container}: ${parts.filter(Boolean).join(', ')}`, HOLDING_BYTES);
  });
}

/** Devices as people read them, the first of many. */
function holdings(devices: PodDevices = {}): string[] {
  const lines = Object.entries(devices).flatMap(([container, held]) =>
    held.map(({ resource, devices: all }) => {
      const ids = all.slice(0, MOST_IDS).map(({ id, healthy }) => (healthy ? id : `${id} (unhealthy)`));
      const more = all.length > MOST_IDS ? ` and ${all.length - MOST_IDS} more` : '';
      return bounded(`${container}: ${resource} ${ids.join(', ')}${more}`, HOLDING_BYTES);
    }),
  );
  return lines.slice(0, MOST_HOLDINGS);
}
/** The same of claims. */
function claimHoldings(claims: PodClaims = {}): string[] {
  return Object.entries(claims).flatMap(([container, held]) =>
    held.map(({ name, devices }) => {
      const ids = devices
        .slice(0, MOST_IDS)
        .map(({ id, health, message }) =>
          health === 'Unhealthy' ? `${id} (unhealthy${message ? `: ${message}` : ''})` : id,
        );
      return bounded(`${container}: ${name} ${ids.join(', ')}`, HOLDING_BYTES);
    }),
  );
}
const MOST_IDS = 8;
const MOST_HOLDINGS = 32;
const HOLDING_BYTES = 512;

/** One log line for each action that failed, with the Pod's identity; those that went well at -v=4. */
export function logAction(log: Logger, pod: RecordedPod | undefined, action: Action, ms: number, error: unknown): void {
  const { namespace, name, uid } = pod ?? {};
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
  clock: Clock,
  pod: RecordedPod,
  origin: string,
  createdAt: number | undefined,
): void {
  const { uid, namespace, name } = pod;
  recorder.open({ uid, namespace, name });
  recorder.record(uid, { kind: 'heard', at: clock.now(), origin, ...(createdAt === undefined ? {} : { createdAt }) });
}
