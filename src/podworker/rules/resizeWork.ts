import type { ObservedResources } from '../../cri/observed.ts';
import { cpuQuota, cpuShares } from '../../k8s/cpuShares.ts';
import { amountOf, milliValue, wholeValue } from '../../k8s/resourceAmounts.ts';
import { ownEntry } from '../../lib/ownEntry.ts';
import { differsIn, effective, type Resizable } from '../../pods/rules/actuation.ts';
import { resourcesOf, sameAllocation } from '../../pods/rules/allocation.ts';
import { type ContainerView, podViews } from '../../pods/rules/views.ts';
import type { AllocatedPod, ResourceRequirements } from '../../types/k8s.ts';
import type { PodFacts } from './facts.ts';

/** A running container whose resources are not those that are allocated. */
export interface ContainerWork {
  readonly id: string;
  readonly name: string;
  /** What was carried out; absent when nobody knows, then everything is set anew. */
  readonly from?: ResourceRequirements;
  readonly to: ResourceRequirements;
}

type Known = Pick<PodFacts, 'runtime' | 'logRestarts' | 'actuated' | 'cpus'> & Partial<Pick<PodFacts, 'admission'>>;

/** The containers to be resized in place. Those that are restarted for it are not among them, nor what does not run: it is made anew. */
export function containersToResize(
  facts: Known,
  pod: AllocatedPod,
  views: readonly ContainerView[] = podViews(facts, pod).all,
): ContainerWork[] {
  return views.flatMap((view): ContainerWork[] => {
    const change = changeOf(facts, pod, view);
    return change && !restarts(view, change) ? [change] : [];
  });
}

/** Its resizePolicy demands a restart for what is to change. Of one whose resources nobody knows nothing is demanded. */
export function restartsForResize(facts: Known, pod: AllocatedPod, view: ContainerView): boolean {
  const change = changeOf(facts, pod, view);
  return change !== undefined && restarts(view, change);
}

/** Whether something of the Pod has other resources than are allocated, in place or by a restart. */
export function isResizeDue(
  facts: Known & Pick<PodFacts, 'podCgroup'>,
  pod: AllocatedPod,
  views: readonly ContainerView[],
): boolean {
  return podDiffers(facts, pod) || views.some((view) => changeOf(facts, pod, view) !== undefined);
}

/** Whether the Pod as a whole has other resources than are allocated to it: its cgroup, or what was written down of it. */
export function podDiffers(
  { podCgroup, actuated }: Pick<PodFacts, 'podCgroup' | 'actuated'>,
  pod: AllocatedPod,
): boolean {
  return (
    (podCgroup !== undefined && !isCgroupSet(podCgroup, pod)) ||
    (actuated?.pod !== undefined && wholeDiffers(actuated.pod, pod))
  );
}

/** The limits of the Pod's cgroup were set for just what is allocated. */
export function isCgroupSet(podCgroup: PodFacts['podCgroup'], pod: AllocatedPod): boolean {
  return podCgroup?.resources !== undefined && sameAllocation(podCgroup.resources, resourcesOf(pod));
}

/** Something that runs has other resources than are allocated; its Pod's cgroup may be in the middle of that. */
export function isUnfinished(facts: Known, pod: AllocatedPod): boolean {
  const { actuated } = facts;
  // Also of one of which nothing is written down: the agent may have been killed before it was.
  const some = podViews(facts, pod).all.some((view) => changeOf(facts, pod, view) !== undefined);
  return some || (actuated?.pod !== undefined && wholeDiffers(actuated.pod, pod));
}

function wholeDiffers(actuated: ResourceRequirements, pod: AllocatedPod): boolean {
  return pod.spec?.resources !== undefined && differsIn(actuated, pod.spec.resources);
}

function changeOf(
  { actuated, cpus, admission }: Known,
  pod: AllocatedPod,
  view: ContainerView,
): ContainerWork | undefined {
  const { current, container, kind } = view;
  if (kind === 'ephemeral' || current?.state !== 'running') return undefined;
  const { id, name } = current;
  const to = effective(container.resources ?? {}, pod.spec?.resources);
  const from = actuated && Object.hasOwn(actuated.containers, name) ? actuated.containers[name]! : undefined;
  if (from) return differsIn(from, to) ? { id, name, from, to } : undefined;
  return isInForce(current.resources, to, hasOwnCpus({ cpus, admission }, name, to)) ? undefined : { id, name, to };
}

/**
 * Running containers of which nothing is written down (an agent was killed just after it had made them, or an older one made them), and
 * which have what is allocated by the runtime's word.
 */
export function unrecorded(facts: Known, pod: AllocatedPod): Readonly<Record<string, ResourceRequirements>> {
  const found = podViews(facts, pod).all.filter(({ kind, name, current }) => {
    const isKnown = facts.actuated !== undefined && Object.hasOwn(facts.actuated.containers, name);
    return kind !== 'ephemeral' && current?.state === 'running' && !isKnown;
  });
  const effectiveOf = ({ container }: ContainerView) => effective(container.resources ?? {}, pod.spec?.resources);
  return Object.fromEntries(
    found
      .filter((view) =>
        isInForce(view.current!.resources, effectiveOf(view), hasOwnCpus(facts, view.name, effectiveOf(view))),
      )
      .map((view) => [view.name, effectiveOf(view)] as const),
  );
}

/** Whether the container has CPUs of its own. Until the Pod is admitted, which tells, one that asks for whole ones may have. */
function hasOwnCpus(
  { cpus, admission }: Pick<Known, 'cpus' | 'admission'>,
  name: string,
  { requests, limits }: ResourceRequirements,
): boolean {
  if (cpus || !admission || admission.state === 'admitted')
    return (ownEntry(cpus?.own, name) ?? '') !== '' && !cpus?.pooled?.includes(name);
  const asked = milliValue(amountOf(limits, 'cpu'));
  return asked > 0 && asked % 1000 === 0 && asked === milliValue(amountOf(requests, 'cpu'));
}

/**
 * What the runtime says that a container has is just this. A runtime that says nothing is believed to have done as it was told. On CPUs
 * of its own a container is not throttled, whatever its limit says.
 */
function isInForce(seen: ObservedResources | undefined, to: ResourceRequirements, ownCpus: boolean): boolean {
  if (!seen) return true;
  const cpu = (side: 'requests' | 'limits') => milliValue(amountOf(to[side], 'cpu'));
  const quota = cpu('limits') === 0 ? undefined : cpuQuota(cpu('limits'), seen.cpuPeriod ?? 0);
  const isBounded = (seen.cpuQuota ?? 0) > 0;
  const memory = wholeValue(amountOf(to.limits, 'memory'));
  return (
    (seen.cpuShares === undefined || seen.cpuShares === cpuShares(cpu('requests') || cpu('limits'))) &&
    (isBounded ? seen.cpuQuota === quota : quota === undefined || ownCpus) &&
    (seen.memoryLimitBytes ?? 0) === memory
  );
}

/** Never of a plain init container: what it has done by then must not be done twice. */
function restarts({ container, kind }: ContainerView, { from, to }: ContainerWork): boolean {
  if (kind === 'init') return false;
  return (container.resizePolicy ?? []).some(
    ({ resourceName, restartPolicy }) =>
      restartPolicy === 'RestartContainer' &&
      from !== undefined &&
      (resourceName === 'cpu' || resourceName === 'memory') &&
      differsIn(from, to, [resourceName as Resizable]),
  );
}
