import { isDeepStrictEqual } from 'node:util';
import type { ObservedContainer } from '../../../cri/observed.ts';
import { lifePhases } from '../../../pods/facts.ts';
import { canRestartAllContainers, restartsAfter } from '../../../status/rules/restartPolicy.ts';
import type { Pod, PodStatus } from '../../../types/k8s.ts';
import { decide } from '../../rules/decide.ts';
import type { Now, PodFacts } from '../../rules/facts.ts';
import type { SimKubelet } from './kubelet.ts';

/** What no turn may do to a Pod's memory. */
export function checkMemory(before: SimKubelet['memory'], after: SimKubelet['memory']): void {
  if (lifePhases.indexOf(after.phase) < lifePhases.indexOf(before.phase))
    throw new Error(`phase went back from ${before.phase} to ${after.phase}`);
  const [was, is] = [before.termination, after.termination];
  if (was && (!is || is.graceSeconds > was.graceSeconds || is.deadline > was.deadline || is.cause !== was.cause))
    throw new Error(`the end was put off: ${JSON.stringify(was)} → ${JSON.stringify(is)}`);
  const byItself = is && ['completed', 'rejected', 'deadline'].includes(is.cause);
  if (is && is.graceSeconds < (byItself ? 0 : 1)) throw new Error('grace below 1 s');
}

/** Whoever is not Ready, or is ending, says why. */
export function checkReasons(facts: PodFacts, decision: ReturnType<SimKubelet['turn']>): void {
  if (decision.done) return;
  const ready = decision.status?.conditions?.find((c) => c.type === 'Ready')?.status === 'True';
  const ending = decision.memory.termination !== undefined || facts.pod?.metadata?.deletionTimestamp !== undefined;
  for (const r of decision.reasons) if (r.code === 'InternalError') throw new Error(`decide has thrown: ${r.message}`);
  if ((!ready || ending) && decision.reasons.length === 0) throw new Error('not Ready or ending, and nobody says why');
}

/** A container that was shown as running goes on being shown as long as it runs: whoever is not shown is taken for one that was lost. */
export function checkShown(facts: PodFacts, before: PodStatus | undefined, after: PodStatus | null): void {
  if (!after || after.conditions?.some((c) => c.type === 'AllContainersRestarting' && c.status === 'True')) return;
  for (const { name, state, containerID } of before?.containerStatuses ?? []) {
    if (!state?.running) continue;
    const same = facts.runtime?.containers.find((c) => containerID?.endsWith(c.id));
    const now = after.containerStatuses?.find((c) => c.name === name);
    if (same?.state === 'running' && now?.containerID !== containerID)
      throw new Error(`${same.id} runs and was shown, and is shown no more: ${JSON.stringify(now)}`);
  }
}

/** A container that the API was told has ended for good does not run again while the runtime knows of that end. */
export function checkEnds(pod: Pod, accepted: PodStatus | undefined, held: readonly ObservedContainer[]): void {
  const spec = pod.spec!;
  if (canRestartAllContainers(spec)) return;
  for (const { name, state, containerID } of accepted?.containerStatuses ?? []) {
    const container = spec.containers.find((c) => c.name === name);
    const ended = state?.terminated;
    if (!container || !ended || restartsAfter(container, spec, ended.exitCode)) continue;
    if (!held.some((c) => containerID?.endsWith(c.id))) continue;
    const again = held.find((c) => c.name === name && c.state === 'running' && !containerID?.endsWith(c.id));
    if (again) throw new Error(`${again.id} runs although ${name} was reported as ended for good`);
  }
}

/** The same facts, through JSON too, give the same decision: else no record replays. */
export function checkDeterminism(facts: PodFacts, memory: SimKubelet['memory'], now: Now): void {
  const plain = <T>(x: T): T => JSON.parse(JSON.stringify(x)) as T;
  const first = plain(decide(facts, memory, now));
  const again = plain(decide(plain(facts), plain(memory), now));
  if (!isDeepStrictEqual(first, again)) throw new Error('the same facts gave another decision');
}
