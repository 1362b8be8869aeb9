import { ownEntry } from '../lib/ownEntry.ts';
import type { PodEntry } from '../pods/entry.ts';
import { podIPsOf } from '../pods/rules/podIPs.ts';
import type { Reason } from '../timeline/reasons.ts';
import type { PodFacts } from './rules/facts.ts';
import type { PodMemory } from './rules/memory.ts';

/** What the rest of the program sees of a Pod, made of its worker's last snapshot and of what was concluded from it. */
export function entryOf(facts: PodFacts, memory: PodMemory, reasons: readonly Reason[]): PodEntry {
  return {
    uid: facts.uid,
    namespace: facts.namespace,
    name: facts.name,
    origin: facts.origin,
    pod: facts.pod,
    ...(facts.resize && { wanted: facts.resize.wanted }),
    gone: facts.gone,
    phase: memory.phase,
    status: memory.status,
    accepted: facts.accepted,
    observed: facts.runtime,
    podIPs: podIPsOf(facts),
    reasons,
    volumePath: (volume) => ownEntry(facts.volumes, volume)?.hostPath,
  };
}
