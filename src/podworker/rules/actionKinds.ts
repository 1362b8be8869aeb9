import type { SlotTraits } from '../../loop/slot.ts';
import type { Action, ActionKind } from './actions.ts';

/** What the rules must know of one kind of action. */
export interface ActionTraits extends SlotTraits {
  /** Nobody wants it any more once the Pod is to end: it is told to stop, and its slot stays closed until it settles. */
  readonly abortWhenEnding: boolean;
  /** It brings something of the Pod into being: nothing is called ended while one is under way or its outcome is unknown. */
  readonly bringsUp: boolean;
  /** It waits for its turn at the node-wide gate. */
  readonly gated: boolean;
}

const plain: ActionTraits = {
  unknownOutcomeClosesSlot: false,
  echoes: false,
  slotPerObject: false,
  abortWhenEnding: false,
  bringsUp: false,
  gated: false,
};
const wanted: ActionTraits = { ...plain, abortWhenEnding: true };
const creation: ActionTraits = { ...wanted, unknownOutcomeClosesSlot: true, echoes: true, bringsUp: true, gated: true };
const removal: ActionTraits = { ...plain, unknownOutcomeClosesSlot: true, slotPerObject: true };
const stop: ActionTraits = { ...plain, echoes: true, slotPerObject: true };

/** Every kind of action. A new one does not compile until it stands here. */
export const actionKinds: Readonly<Record<ActionKind, ActionTraits>> = {
  reserve: wanted,
  release: plain,
  allocateDevices: wanted,
  allocate: wanted,
  resizePod: wanted,
  preparePod: { ...wanted, bringsUp: true },
  prepareClaims: { ...wanted, bringsUp: true },
  unprepareClaims: plain,
  createSandbox: creation,
  stopSandbox: stop,
  removeSandbox: removal,
  ensureImage: wanted,
  mountVolume: wanted,
  unmountVolumes: plain,
  createContainer: creation,
  startContainer: creation,
  postStart: wanted,
  preStop: { ...plain, slotPerObject: true },
  stopContainer: stop,
  updateCpus: { ...plain, slotPerObject: true },
  removeContainer: removal,
  removeCgroup: plain,
  removePodFiles: plain,
  deleteApiPod: plain,
  syncMirror: plain,
  saveCheckpoint: plain,
};

/** Failures of the same work add up; another image is pulled with no regard to the failures of the one before. */
export function sameWork(a: Action, b: Action): boolean {
  return a.kind !== 'ensureImage' || b.kind !== 'ensureImage' || a.image === b.image;
}
