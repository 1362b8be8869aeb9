import type { ObservedContainer, ObservedPod } from '../../cri/observed.ts';
import { milliOfShares } from '../../k8s/cpuShares.ts';
import { formatQuantity, quantityOf, quantityOfMilli } from '../../k8s/quantity.ts';
import { ownEntry } from '../../lib/ownEntry.ts';
import { apiStatus, containerStatuses } from '../../pods/rules/apiStatus.ts';
import { aliveContainers, type ContainerView, podViews, readySandbox } from '../../pods/rules/views.ts';
import { derivePodStatus } from '../../status/rules/derivePodStatus.ts';
import type { PodCgroupResources, StatusInput } from '../../status/rules/input.ts';
import { isTerminal } from '../../status/rules/phase.ts';
import type { AllocatedPod, Pod, PodStatus } from '../../types/k8s.ts';
import { slotOf } from './actions.ts';
import type { PodFacts } from './facts.ts';
import { replacedRun } from './replacement.ts';
import { resizeConditions } from './resize.ts';
import { isOpen } from './slots.ts';
import { isStarting } from './starting.ts';
import { deviceHealth, healthBefore, healthOf } from './statusHealth.ts';
import type { Turn } from './turn.ts';
import { mountedVolumeNames } from './volumes.ts';

/** The status of this turn, from the same snapshot as everything else in it. */
export function statusOf(turn: Turn, pod: AllocatedPod): PodStatus {
  const { facts, memory, now } = turn;
  const rejectedBefore = rejectedEarlier(facts);
  if (rejectedBefore) return rejectedBefore;
  const ending = memory.phase !== 'Admitting' && memory.phase !== 'Active';
  const sandbox = readySandbox(facts);
  const volumes = mountedVolumeNames(pod).every((name) => ownEntry(facts.volumes, name) !== undefined);
  const ran = (facts.runtime?.containers ?? []).some((c) => c.sandboxId === sandbox?.id);
  const addressed = sandbox !== undefined && (pod.spec?.hostNetwork === true || sandbox.ips.length > 0);
  const previous = previousOf(turn);
  if (memory.phase === 'Active' && memory.restartingAll && isRestartTold(previous)) return previous;
  const views = podViews(facts, pod).all;
  const replaced = replacedRuns(turn, pod, views);
  const input: StatusInput = {
    pod: asAnswered(turn, pod),
    ...(previous ? { previous } : {}),
    runtime: withRunning(withoutStarting(turn), replaced),
    runtimeName: facts.node.runtimeName,
    waiting: turn.waiting,
    ...deviceHealth(facts, pod),
    ...(facts.node.stopSignals ? { stopSignals: true } : {}),
    health: { ...healthOf(turn, views), ...healthBefore(views, previous, replaced) },
    ...(facts.admission.state === 'rejected' ? { rejected: facts.admission } : {}),
    ...endedBy(turn),
    terminating: ending,
    // Not held back by volumes: to remove what a Job wrote may take minutes, and who waits for the Job need not.
    finished: ending && memory.phase !== 'Terminating' && aliveContainers(facts).length === 0,
    ...(memory.phase === 'Active' ? { restartAllContainers: memory.restartingAll === true } : {}),
    readyToStartContainers: addressed && (volumes || ran || ending),
    ...{ hostIPs: facts.node.hostIPs, nodePrimaryFamily: facts.node.primaryFamily },
    resizeConditions: resizeConditions(turn, pod, views),
    ...(facts.actuated ? { actuated: facts.actuated.containers } : {}),
    ...cgroupOf(facts),
    recursiveReadOnlyMounts: facts.recursiveReadOnly,
    ...(facts.imageVolumes ? { imageVolumes: facts.imageVolumes } : {}),
    now: now.wall,
  };
  return derivePodStatus(input);
}

/**
 * What the API server has of a Pod that an earlier life of the agent rejected: over, and without a word about containers, for none ever was.
 * It stays. The Go kubelet, started anew, says that it lost the containers (ContainerStatusUnknown), and kubectl then shows that.
 */
function rejectedEarlier(facts: PodFacts): PodStatus | undefined {
  const known = apiStatus(facts);
  const containers = containerStatuses(known);
  const ran = containers.length > 0 || (facts.runtime?.containers.length ?? 0) > 0;
  return facts.admission.state !== 'rejected' && known?.phase === 'Failed' && known.reason && !ran ? known : undefined;
}

/**
 * A version of the Pod counts as observed when it is known what it has, and what becomes of the resources that it asks for: whoever waits
 * for a resize looks for its conditions then.
 */
function asAnswered(turn: Turn, pod: AllocatedPod): AllocatedPod {
  const { resize, runtime } = turn.facts;
  const before = (turn.memory.status ?? apiStatus(turn.facts))?.observedGeneration;
  const isAnswered = !resize || (resize.answer !== undefined && resize.answer.state !== 'granted');
  if ((runtime && isAnswered) || before === undefined) return pod;
  return { ...pod, metadata: { ...pod.metadata, generation: before } };
}

/** What the Pod's cgroup allows, in the API's words. */
function cgroupOf({ podCgroup }: PodFacts): { podCgroup?: PodCgroupResources } {
  if (!podCgroup) return {};
  const { cpuShares, cpuQuota, cpuPeriod, memory } = podCgroup.limits;
  const cpu = (milli: number) => formatQuantity(quantityOfMilli(milli));
  const request = milliOfShares(cpuShares);
  return {
    podCgroup: {
      ...(request > 0 && { cpuRequest: cpu(request) }),
      ...(cpuQuota > 0 && { cpuLimit: cpu(Math.floor((cpuQuota * 1000) / cpuPeriod)) }),
      ...(memory && { memoryLimit: formatQuantity(quantityOf(BigInt(memory), 'BinarySI')) }),
    },
  };
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

/** The Go kubelet never shows a container before its start is over either, because one sync does all of it. Left out, it costs no write. */
function withoutStarting(turn: Turn): ObservedPod | null {
  const { runtime } = turn.facts;
  if (!runtime?.containers.some((c) => isStarting(turn, c))) return runtime;
  return { ...runtime, containers: runtime.containers.filter((c) => !isStarting(turn, c)) };
}

/**
 * RestartAllContainers was told. While one container after the other is stopped and removed nothing is written, as the Go kubelet does all
 * of it in one sync; what follows is that all of them wait.
 */
function isRestartTold(previous: PodStatus | undefined): previous is PodStatus {
  return previous?.conditions?.some((c) => c.type === 'AllContainersRestarting' && c.status === 'True') ?? false;
}

/** Containers that were stopped to be replaced, by name: until their successors run the status says nothing of it, as the Go kubelet's. */
function replacedRuns(turn: Turn, pod: Pod, views: readonly ContainerView[]): ReadonlyMap<string, ObservedContainer> {
  const runs = new Map<string, ObservedContainer>();
  for (const view of views) {
    // Also when the Pod is to end, a start that is under way may bring the successor up.
    const mayCome = turn.memory.phase === 'Active' || !isOpen(turn.facts, slotOf.container(view.name));
    const run = mayCome ? replacedRun(turn, pod, view) : undefined;
    if (run) runs.set(view.name, run);
  }
  return runs;
}

function withRunning(runtime: ObservedPod | null, runs: ReadonlyMap<string, ObservedContainer>): ObservedPod | null {
  if (!runtime || runs.size === 0) return runtime;
  const shown = (c: ObservedContainer): ObservedContainer =>
    runs.get(c.name)?.id === c.id ? { ...c, state: 'running' } : c;
  return { ...runtime, containers: runtime.containers.map(shown) };
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
