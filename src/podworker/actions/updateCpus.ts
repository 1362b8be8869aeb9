import type { Outcome } from '../outcome.ts';
import type { Services } from './services.ts';

/** Puts a running container on other CPUs. Nothing else of its resources is named, so nothing else changes. */
export async function updateCpus({ cri }: Services, containerId: string, cpus: string): Promise<Outcome> {
  await cri.updateContainerResources({ containerId, linux: { cpusetCpus: cpus } });
  return { cpuSet: { id: containerId, cpus } };
}
