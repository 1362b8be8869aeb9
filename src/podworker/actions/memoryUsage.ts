import type { ResourceConfig } from '../../cgroups/rules/resourceConfig.ts';
import { amountOf, wholeValue } from '../../k8s/resourceAmounts.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import type { PodCgroupLimits } from '../../pods/facts.ts';
import type { AllocatedPod } from '../../types/k8s.ts';
import type { ContainerWork } from '../rules/resizeWork.ts';
import type { Services } from './services.ts';

/** A resize that is to be carried out. */
export interface PlannedResize {
  readonly work: readonly ContainerWork[];
  readonly before: PodCgroupLimits;
  readonly wanted: ResourceConfig;
}

/**
 * Rejects, in kubelet's words, when a memory limit would come to be at or below what is used: the kernel might kill for it. As far as it
 * can be checked; what is used may grow a moment later.
 */
export async function checkMemoryUsage(
  { cgroups, cri }: Pick<Services, 'cgroups' | 'cri'>,
  pod: AllocatedPod,
  { work, before, wanted }: PlannedResize,
): Promise<void> {
  const forPod = wanted.memory !== undefined && wanted.memory < (before.memory ?? Number.POSITIVE_INFINITY);
  const decreasing = work.flatMap(({ id, name, from, to }) => {
    const limit = wholeValue(amountOf(to.limits, 'memory'));
    const had = wholeValue(amountOf(from?.limits, 'memory'));
    return from && limit > 0 && (had === 0 || limit < had) ? [{ id, name, limit }] : [];
  });
  if (!forPod && decreasing.length === 0) return;
  const problems = await Promise.all([
    ...(forPod ? [podProblem(await usageOfPod(cgroups, pod), wanted.memory!)] : []),
    ...decreasing.map(async ({ id, name, limit }) => containerProblem(name, await usageOf(cri, id), limit)),
  ]);
  const found = problems.filter((problem) => problem !== undefined);
  if (found.length === 0) return;
  const list = found.length === 1 ? found[0] : `[${found.join(', ')}]`;
  throw new KubeletError(`cannot decrease memory limits: ${list}`, { code: 'ResizePodInPlaceError' });
}

function podProblem(usage: number | undefined, limit: number): string | undefined {
  if (usage === undefined) return 'missing pod memory usage';
  return usage >= limit ? `attempting to set pod memory limit (${limit}) below current usage (${usage})` : undefined;
}

function containerProblem(name: string, usage: number | undefined, limit: number): string | undefined {
  if (usage === undefined) return `missing container "${name}" memory usage`;
  if (usage < limit) return undefined;
  return `attempting to set container "${name}" memory limit (${limit}) below current usage (${usage})`;
}

async function usageOfPod(cgroups: Services['cgroups'], pod: AllocatedPod): Promise<number | undefined> {
  try {
    return await cgroups.memoryUsage(pod);
  } catch (error) {
    const { name, namespace, uid } = pod.metadata ?? {};
    const message = `unable to read memory usage for pod "${name}_${namespace}(${uid})": ${errorMessage(error)}`;
    throw new KubeletError(message, { code: 'ResizePodInPlaceError', cause: error });
  }
}

async function usageOf(cri: Services['cri'], id: string): Promise<number | undefined> {
  const stats = await cri.containerStats(id);
  // containerd 1.6 tells the working set alone.
  const bytes = stats?.memory?.usageBytes?.value ?? stats?.memory?.workingSetBytes?.value;
  return bytes === undefined ? undefined : Number(bytes);
}
