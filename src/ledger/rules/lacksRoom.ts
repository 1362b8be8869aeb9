import type { NodeView } from '../types.ts';
import { assess } from './assess.ts';
import { shortageRejection } from './fit.ts';
import { knownRequests } from './measure.ts';
import type { Holder } from './place.ts';
import { takenBy } from './room.ts';

/** Why a Pod, as it would be counted after its resize, does not fit on the node beside the others; undefined: it does. */
export function lacksRoom(next: Holder, others: readonly Holder[], node: NodeView): string | undefined {
  const { uid } = next.pod.metadata;
  const taken = takenBy(others.filter((other) => other.pod.metadata.uid !== uid));
  const place = assess({ ...next, requests: knownRequests(next.pod, node.allocatable) }, taken, node);
  if (place.fits) return undefined;
  return ('rejection' in place ? place.rejection : shortageRejection(place.lacking[0]!)).message;
}
