// What CSI volumes need besides the Pod.
import { isNoRelationship, isNotFound } from '../../api/apiError.ts';
import type { ApiClient } from '../../api/client.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { CSIDriver, SecretReference, VolumeAttachment } from '../../types/k8s.ts';
import type { VolumeContext } from '../contract.ts';
import type { ExpansionServices } from '../persistent/expansion.ts';
import { csiSays, unsent } from './csiError.ts';
import type { CsiDrivers } from './drivers.ts';

export interface CsiServices extends ExpansionServices {
  readonly drivers: CsiDrivers;
  /** The values of a Secret, read anew: they may have been changed for this very call. Rejects in kubelet's words. */
  secret(reference: SecretReference): Promise<Record<string, string>>;
  /** A VolumeAttachment as it is now. Rejects with what the API server says. */
  attachment(name: string): Promise<VolumeAttachment>;
  /** Asks a driver anew how many volumes the node can take, and tells the CSINode. */
  updateNow(driver: string): Promise<void>;
  /** How often a volume of a driver with requiresRepublish is published again, in ms: kubelet does it at each sync of the Pod. */
  readonly republishMs: number;
}

/** The Node authorizer learns of a Pod within milliseconds of its binding. */
const RELATION = { stepMs: 50, steps: 20 } as const;

/** Reads Secrets for drivers from the API server. Nothing of them is kept. */
export function secretReader(client: Pick<ApiClient, 'get'>, clock: Clock): CsiServices['secret'] {
  return async ({ name = '', namespace = '' }) => {
    for (let step = 1; ; step++) {
      try {
        const { data = {} } = await client.get('Secret', { namespace, name });
        return Object.fromEntries(
          Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
        );
      } catch (error) {
        if (isNoRelationship(error) && step < RELATION.steps) {
          await sleep(clock, RELATION.stepMs);
          continue;
        }
        const why = isNotFound(error) ? `secrets "${name}" not found` : errorMessage(error);
        throw unsent(
          csiSays(`failed to find the secret ${name} in the namespace ${namespace} with error: ${why}`),
          error,
        );
      }
    }
  };
}

/** The cluster's word on a driver; undefined: it has none, which is allowed. Throws while nothing is known. */
export function csiDriverObject(context: VolumeContext, name: string): CSIDriver | undefined {
  const found = context.objects.get('CSIDriver', '', name);
  if (found.state === 'present') return found.object;
  if (found.state === 'absent') return undefined;
  throw unsent(`failed to sync csidriver cache: ${found.reason}`);
}
