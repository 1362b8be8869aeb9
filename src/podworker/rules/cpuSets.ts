import { ownEntry } from '../../lib/ownEntry.ts';
import { slotOf } from './actions.ts';
import { launch, type Turn } from './turn.ts';

/**
 * Puts each running container on the CPUs that it is to have now: its own, or those that are shared, which shrink and grow as others come
 * and go. Also while the Pod ends, for whoever was given a CPU has it alone. What this process did not set itself is set again.
 */
export function planCpuSets(turn: Turn): void {
  const { cpus, cpuSets = {}, runtime } = turn.facts;
  if (!cpus) return;
  for (const { id, name, state } of runtime?.containers ?? []) {
    const wanted = ownEntry(cpus.own, name) ?? cpus.shared;
    if (state !== 'running' || wanted === '' || cpuSets[id] === wanted) continue;
    launch(turn, { kind: 'updateCpus', slot: slotOf.cpus(id), containerId: id, cpus: wanted });
  }
}
