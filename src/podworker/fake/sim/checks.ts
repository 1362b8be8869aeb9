import { isDeepStrictEqual } from 'node:util';
import { lifePhases } from '../../../pods/facts.ts';
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
  if (is && is.graceSeconds < 1) throw new Error('grace below 1 s');
}

/** Whoever is not Ready, or is ending, says why. */
export function checkReasons(facts: PodFacts, decision: ReturnType<SimKubelet['turn']>): void {
  if (decision.done) return;
  const ready = decision.status?.conditions?.find((c) => c.type === 'Ready')?.status === 'True';
  const ending = decision.memory.termination !== undefined || facts.pod?.metadata?.deletionTimestamp !== undefined;
  for (const r of decision.reasons) if (r.code === 'InternalError') throw new Error(`decide has thrown: ${r.message}`);
  if ((!ready || ending) && decision.reasons.length === 0) throw new Error('not Ready or ending, and nobody says why');
}

/** The same facts, through JSON too, give the same decision: else no record replays. */
export function checkDeterminism(facts: PodFacts, memory: SimKubelet['memory'], now: Now): void {
  const plain = <T>(x: T): T => JSON.parse(JSON.stringify(x)) as T;
  const first = plain(decide(facts, memory, now));
  const again = plain(decide(plain(facts), plain(memory), now));
  if (!isDeepStrictEqual(first, again)) throw new Error('the same facts gave another decision');
}
