/** Ids come in units of this many: what a Pod gets, and where it begins, is a multiple of it. */
export const IDS_UNIT = 65_536;

/** A row of user and group ids of the node; both kinds have the same numbers. */
export interface IdSpace {
  readonly first: number;
  readonly length: number;
}

/** All ids but those below `idsPerPod`: what the Pods of a node get that has nothing else set up. */
export function everythingAbove(idsPerPod: number): IdSpace {
  return { first: idsPerPod, length: 2 ** 32 - idsPerPod };
}

/** Throws kubelet's sentence when the ids cannot be divided into ranges of `idsPerPod`, one for each of `maxPods`. */
export function checkIdSpace({ first, length }: IdSpace, idsPerPod: number, maxPods: number): void {
  const user = 'kubelet user assigned';
  if (idsPerPod % IDS_UNIT !== 0) {
    throw new Error(`kubelet user namespace length ${idsPerPod} is not a multiple of ${IDS_UNIT}`);
  }
  if (first % idsPerPod !== 0) throw new Error(`${user} ID ${first} is not a multiple of ${idsPerPod}`);
  // The node's own ids, root's above all, are nobody's to map.
  if (first < idsPerPod) throw new Error(`${user} ID ${first} must be greater or equal to ${idsPerPod}`);
  if (length % idsPerPod !== 0) throw new Error(`${user} IDs length ${length} is not a multiple of ${idsPerPod}`);
  if (Math.floor(length / idsPerPod) < maxPods) {
    throw new Error(`${user} IDs are not enough to support ${maxPods} pods`);
  }
}
