// What a node has to do about a volume that has grown (KEP-1790), and what the claim is told of it.
import { compareQuantities, quantityValue } from '../../../k8s/quantity.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../../types/k8s.ts';

/** `done`: nothing has to be done here. Otherwise the driver is asked to grow it to `size`. */
export type ExpansionPlan =
  | { readonly kind: 'done' }
  | {
      readonly kind: 'expand';
      readonly size: string;
      /** The claim follows the steps by allocatedResourceStatuses; otherwise a resizer of before that. */
      readonly recovers: boolean;
      /** The claim was changed after a failure: another one tells the controller to begin anew. */
      readonly changedSince: boolean;
    };

const PENDING = new Set(['NodeResizePending', 'NodeResizeInProgress']);

/** What is to be done for this claim and volume, as both are now. */
export function planExpansion(claim: PersistentVolumeClaim, pv: PersistentVolume): ExpansionPlan {
  const { capacity, allocatedResourceStatuses, allocatedResources } = claim.status ?? {};
  const has = capacity?.storage;
  const real = pv.spec?.capacity?.storage;
  if (has === undefined || real === undefined || compareQuantities(has, real) >= 0) return { kind: 'done' };
  const status = allocatedResourceStatuses?.storage ?? '';
  if (status === '' && allocatedResources === undefined)
    return { kind: 'expand', size: real, recovers: false, changedSince: false };
  const size = allocatedResources?.storage ?? real;
  const asked = claim.spec?.resources?.requests?.storage ?? size;
  if (!PENDING.has(status)) return { kind: 'done' };
  return { kind: 'expand', size, recovers: true, changedSince: compareQuantities(asked, size) !== 0 };
}

/** Bytes of a size. */
export function bytesOf(size: string): string {
  return String(quantityValue(size));
}

const RESIZE_CONDITIONS = ['FileSystemResizePending', 'Resizing', 'ControllerResizeError', 'NodeResizeError'];

/** Strategic merge of a claim's status. */
export interface ClaimPatch {
  readonly metadata?: { readonly resourceVersion: string | undefined };
  readonly status: object;
}

/** The driver is being asked. Fails if the claim has changed meanwhile. */
export function expansionBegins({ metadata }: PersistentVolumeClaim): ClaimPatch {
  return {
    metadata: { resourceVersion: metadata?.resourceVersion },
    status: { allocatedResourceStatuses: { storage: 'NodeResizeInProgress' } },
  };
}

/** The file system is as large as the volume. Fails if the claim has changed meanwhile. */
export function expansionEnded({ metadata, status }: PersistentVolumeClaim, size: string): ClaimPatch {
  const gone = (status?.conditions ?? []).filter(({ type }) => RESIZE_CONDITIONS.includes(type));
  return {
    metadata: { resourceVersion: metadata?.resourceVersion },
    status: {
      capacity: { storage: size },
      allocatedResourceStatuses: { storage: null },
      ...(gone.length > 0 ? { conditions: gone.map(({ type }) => ({ $patch: 'delete', type })) } : {}),
    },
  };
}

/** The driver said no. `infeasible`: it is not tried again here, and the controller begins anew with what the claim asks for by then. */
export function expansionFailed(message: string, infeasible: boolean, now: string): ClaimPatch {
  const failed = {
    type: 'NodeResizeError',
    status: 'True',
    lastTransitionTime: now,
    message: `failed to expand pvc with ${message}`,
  };
  return {
    status: {
      conditions: [failed],
      ...(infeasible ? { allocatedResourceStatuses: { storage: 'NodeResizeInfeasible' } } : {}),
    },
  };
}
