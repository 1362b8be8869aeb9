// A volume that has grown: the node grows the file system, and the claim is told.
import type { ApiClient } from '../../api/client.ts';
import type { NodeEvent } from '../../events/event.ts';
import { goQuote } from '../../k8s/goText.ts';
import { rfc3339 } from '../../k8s/rfc3339.ts';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage, prefixErrors } from '../../lib/errors.ts';
import type { PersistentVolumeClaim } from '../../types/k8s.ts';
import type { WantedStep } from './contract.ts';
import { type ClaimPatch, expansionBegins, expansionEnded, expansionFailed, planExpansion } from './rules/expansion.ts';

/** What the telling needs of the cluster. */
export interface ExpansionServices {
  readonly nodeName: string;
  readonly clock: Clock;
  /** The API's claims, to say how far their volumes have grown. */
  readonly claims: Pick<ApiClient, 'get' | 'patch'>;
  /** Records an Event of a claim. */
  claimEvent(claim: PersistentVolumeClaim, event: NodeEvent): void;
  /** Unique names of volumes whose expansion failed since this process started. */
  readonly failedExpansions: Set<string>;
}

/** What a failure to grow means for the claim. Without any of these it is only tried again. */
export interface GrowthFailure {
  /** It cannot grow a volume at all from the node: no failure for a claim of the older protocol. */
  readonly unsupported?: boolean;
  /** Nothing goes on in the background: the claim's conditions may say that it failed. */
  readonly final?: boolean;
  /** It will never work: the controller is to begin anew. */
  readonly infeasible?: boolean;
  /** Not while it is in use: nobody is held up. */
  readonly later?: boolean;
}

/** How one kind of volume grows. */
export interface Growth {
  /** Grows what this node has of the volume to the size, a quantity. */
  grow(size: string, oldSize: string): Promise<void>;
  judge?(error: unknown): GrowthFailure;
}

/**
 * Grows what this node has of the volume to the size that it has by now, and says so in the claim's status. What it cannot do while the
 * volume is in use holds nobody up. Other failures are thrown in kubelet's words, and stand in the claim's conditions where they are final.
 */
export async function growVolume(step: WantedStep, services: ExpansionServices, growth: Growth): Promise<void> {
  const { spec, volume, pod, event } = step;
  const reference = spec.pv?.spec?.claimRef;
  if (!spec.pv || !reference) return;
  const ref = { namespace: reference.namespace ?? '', name: reference.name ?? '' };
  let claim = await prefixErrors('mountVolume.NodeExpandVolume get PVC failed ', () =>
    services.claims.get('PersistentVolumeClaim', ref),
  );
  const plan = planExpansion(claim, spec.pv);
  if (plan.kind === 'done') return;
  const about = `for volume ${goQuote(volume.name)}`;
  const both = (told: NodeEvent) => {
    event(told);
    services.claimEvent(claim, told);
  };
  if (spec.readOnly) {
    const message = `MountVolume.NodeExpandVolume failed ${about} requested read-only file system`;
    both({ type: 'Warning', reason: 'FileSystemResizeFailed', message });
    return;
  }
  const patch = (body: ClaimPatch) =>
    services.claims.patch('PersistentVolumeClaim', ref, 'strategic', body, { subresource: 'status' });
  if (plan.recovers) claim = await patch(expansionBegins(claim));
  try {
    await growth.grow(plan.size, claim.status?.capacity?.storage ?? '0');
  } catch (error) {
    const judged = growth.judge?.(error) ?? {};
    if (!plan.recovers && judged.unsupported) return;
    if (plan.recovers && judged.final) {
      const again = plan.changedSince && services.failedExpansions.has(volume.uniqueName);
      services.failedExpansions.add(volume.uniqueName);
      const now = rfc3339(services.clock.now().wall);
      const body = expansionFailed(errorMessage(error), judged.infeasible === true || again, now);
      await patch(body).catch((problem) => logUntold(step, problem));
    }
    if (judged.later) return;
    throw error;
  }
  services.failedExpansions.delete(volume.uniqueName);
  const message = `MountVolume.NodeExpandVolume succeeded ${about} ${pod.spec.nodeName ?? services.nodeName}`;
  both({ type: 'Normal', reason: 'FileSystemResizeSuccessful', message });
  const ended = expansionEnded(claim, plan.size);
  await prefixErrors('mountVolume.NodeExpandVolume update pvc status failed', () => patch(ended));
}

function logUntold({ host, volume }: WantedStep, problem: unknown): void {
  host.log.error('The claim could not be told that its volume did not grow', {
    ...{ volume: volume.name, error: errorMessage(problem) },
  });
}
