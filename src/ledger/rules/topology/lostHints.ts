import { formatCpuList } from '../../../k8s/cpuList.ts';
import { bounded } from '../../../lib/bounded.ts';
import type { Hint, Hints } from './hints.ts';
import { nodesOf } from './numaMask.ts';
import { mergeHints, type TopologyPolicy } from './policies.ts';

/** Sets of NUMA nodes that are named; there may be hundreds. */
const MOST_SETS = 4;
/** Of more resources none is blamed: for each the others are merged again. */
const MOST_BLAMED = 8;
const MOST_BYTES = 1024;

/**
 * Why no NUMA nodes suit all resources, for `why`: from where each could come best, and without which of them the rest would have been
 * admitted. `what`: the container or Pod that asked.
 */
export function lostHints(policy: TopologyPolicy, providers: readonly Hints[], what: string): string {
  const lists = providers.flatMap((hints) => Object.entries(hints ?? {})).filter(([, list]) => list !== null);
  const asked = lists.map(([resource, list]) => `${resource} ${placesOf(list ?? [])}`);
  const without = (resource: string): Hints[] =>
    providers.map((hints) => {
      const rest = Object.entries(hints ?? {}).filter(([name]) => name !== resource);
      return rest.length > 0 ? Object.fromEntries(rest) : null;
    });
  const suspects = lists.length > MOST_BLAMED ? [] : lists.map(([resource]) => resource);
  const lost = suspects.filter((one) => mergeHints(policy, without(one)).admit);
  const blamed = lost.length > 0 ? `; without ${lost.join(' or ')} it would be admitted` : '';
  return bounded(`${what}: ${asked.join(', ')}${blamed}`, MOST_BYTES);
}

function placesOf(list: readonly Hint[]): string {
  if (list.length === 0) return 'from nowhere';
  const best = list.filter(({ preferred }) => preferred);
  const sets = (best.length > 0 ? best : list).map(({ nodes }) =>
    nodes === null ? 'any' : formatCpuList(nodesOf(nodes)),
  );
  const named = `${sets.slice(0, MOST_SETS).join(' or ')}${sets.length > MOST_SETS ? ' or others' : ''}`;
  return best.length > 0 ? `best from NUMA nodes ${named}` : `only from NUMA nodes ${named}, more than it would need`;
}
