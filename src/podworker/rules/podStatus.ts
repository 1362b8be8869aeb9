import type { ObservedPod } from '../../cri/observed.ts';
import { derivePodStatus } from '../../status/rules/derivePodStatus.ts';
import type { ContainerHealth, StatusInput } from '../../status/rules/input.ts';
import { isTerminal } from '../../status/rules/phase.ts';
import type { Pod, PodStatus } from '../../types/k8s.ts';
import { slotOf } from './actions.ts';
import { probedHealth } from './health.ts';
import { slot } from './slots.ts';
import type { Turn } from './turn.ts';
import { aliveContainers, podViews, readySandbox } from './view.ts';
import { mountedVolumeNames } from './volumes.ts';

/** The status of this turn, from the same snapshot as everything else in it. */
export function statusOf(turn: Turn, pod: Pod): PodStatus {
  const { facts, memory, now } = turn;
  const ending = memory.phase !== 'Admitting' && memory.phase !== 'Active';
  const sandbox = readySandbox(facts);
  const volumes = mountedVolumeNames(pod).every((name) => facts.volumes[name] !== undefined);
  const ran = (facts.runtime?.containers ?? []).some((c) => c.sandboxId === sandbox?.id);
  const addressed = sandbox !== undefined && (pod.spec?.hostNetwork === true || sandbox.ips.length > 0);
  const previous = previousOf(turn);
  const input: StatusInput = {
    pod,
    ...(previous ? { previous } : {}),
    runtime: withoutCreated(facts.runtime),
    runtimeName: facts.node.runtimeName,
    waiting: turn.waiting,
    health: healthOf(turn, pod),
    ...(facts.admission.state === 'rejected' ? { rejected: facts.admission } : {}),
    ...endedBy(turn),
    terminating: ending,
    // Not held back by volumes: to remove what a Job wrote may take minutes, and who waits for the Job need not.
    finished: ending && memory.phase !== 'Terminating' && aliveContainers(facts).length === 0,
    ...(memory.phase === 'Active' ? { restartAllContainers: memory.restartingAll === true } : {}),
    readyToStartContainers: addressed && (volumes || ran || ending),
    hostIPs: facts.node.hostIPs,
    nodePrimaryFamily: facts.node.primaryFamily,
    recursiveReadOnlyMounts: facts.recursiveReadOnly,
    now: now.wall,
  };
  return derivePodStatus(input);
}

/**
 * What the status builds on. A static Pod's manifest has none: its past (start, last ends, times of its conditions) is in its mirror,
 * which may come to be known only after the first status of this life.
 */
function previousOf(turn: Turn): PodStatus | undefined {
  const { facts, memory } = turn;
  const { mirror, accepted } = facts;
  const ended = isTerminal(accepted?.phase); // of an earlier incarnation
  const known = facts.origin !== 'api' && mirror?.state === 'current' && accepted !== undefined && !ended;
  if (!known || memory.mirrorAdopted) return memory.status;
  // Only the first look counts: a mirror without a past gets what is written from memory, and may be a step behind it.
  memory.mirrorAdopted = true;
  const { startTime } = accepted;
  const own = memory.status?.startTime;
  if (startTime === undefined) return memory.status;
  return own === undefined || Date.parse(startTime) <= Date.parse(own) ? accepted : memory.status;
}

/**
 * A container between CreateContainer and StartContainer says nothing that a client waits for: the Go kubelet never shows it
 * either, because one sync does both. Left out, it costs no write.
 */
function withoutCreated(runtime: ObservedPod | null): ObservedPod | null {
  if (!runtime?.containers.some((c) => c.state === 'created')) return runtime;
  return { ...runtime, containers: runtime.containers.filter((c) => c.state !== 'created') };
}

function endedBy(turn: Turn): { ended?: StatusInput['ended'] } {
  const t = turn.memory.termination;
  if (!t || (t.reason === undefined && t.message === undefined && !t.condition)) return {};
  return {
    ended: {
      ...(t.reason !== undefined ? { reason: t.reason } : {}),
      ...(t.message !== undefined ? { message: t.message } : {}),
      ...(t.condition ? { condition: t.condition } : {}),
    },
  };
}

/** started and ready per container: by its probes; without any, as soon as it runs and its postStart is over. */
function healthOf(turn: Turn, pod: Pod): Record<string, ContainerHealth> {
  const health: Record<string, ContainerHealth> = {};
  for (const view of podViews(turn.facts, pod).all) {
    const c = view.current;
    if (c?.state !== 'running') continue;
    const { startupProbe, readinessProbe } = view.container;
    const hook =
      slot(turn.facts, slotOf.postStart(view.name)).running !== undefined ||
      turn.start.some((a) => a.slot === slotOf.postStart(view.name));
    if (hook) health[view.name] = { started: false, ready: false };
    else if (startupProbe || readinessProbe) health[view.name] = probedHealth(turn.facts, view, c.id);
  }
  return health;
}
