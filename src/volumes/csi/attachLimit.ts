// A Pod whose volume cannot be attached because the node has no room for one more (KEP-4876).
import { status } from '@grpc/grpc-js';
import { type Clock, sleep } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { CSIPersistentVolumeSource, VolumeAttachment } from '../../types/k8s.ts';
import type { ObjectLookup } from '../contract.ts';
import { RejectedVolume } from '../volumeError.ts';
import { attachmentName } from './names.ts';

/** Kubelet looks when a Pod's volumes did not come within two minutes and three seconds. */
const LOOK_MS = 123_000;

export interface AttachLimitOptions {
  readonly nodeName: string;
  readonly clock: Clock;
  attachment(name: string): Promise<VolumeAttachment>;
  /** Asks the driver anew how many volumes the node can take. */
  updateNow(driver: string): Promise<void>;
}

/**
 * Watches over the wait for a volume to be attached: rejects with a RejectedVolume when the attacher said that the node is full, and the
 * cluster wants that to be acted on (nodeAllocatableUpdatePeriodSeconds). The scheduler learns the new limit before that. Never resolves;
 * rejects with the signal's reason when the wait is over.
 */
export async function watchAttachLimit(
  options: AttachLimitOptions,
  { driver, volumeHandle }: Pick<CSIPersistentVolumeSource, 'driver' | 'volumeHandle'>,
  volume: string,
  objects: ObjectLookup,
  log: Logger,
  signal: AbortSignal,
): Promise<never> {
  for (;;) {
    await sleep(options.clock, LOOK_MS, signal);
    const object = objects.get('CSIDriver', '', driver);
    if (object.state !== 'present' || !object.object.spec.nodeAllocatableUpdatePeriodSeconds) continue;
    const name = attachmentName(volumeHandle, driver, options.nodeName);
    const found = await options.attachment(name).catch(() => undefined); // looked for again
    if (found?.status?.attachError?.errorCode !== status.RESOURCE_EXHAUSTED) continue;
    await options.updateNow(driver).catch((error) => {
      log.warn('A CSI driver could not be asked how many volumes the node can take', {
        ...{ driver, error: errorMessage(error) },
      });
    });
    signal.throwIfAborted();
    throw new RejectedVolume(
      'VolumeAttachmentLimitExceeded',
      `Node has reached its volume attachment limit, rejecting pod. unmounted volumes=[${volume}], unattached volumes=[${volume}], failed to process volumes=[]: context deadline exceeded`,
    );
  }
}
