import { goQuote } from '../k8s/goText.ts';
import { errorMessage, KubeletError } from '../lib/errors.ts';

/** A volume that cannot be used now. The message is the text of the Pod's FailedMount event. */
export class VolumeError extends KubeletError {
  readonly volume: string;

  constructor(
    message: string,
    volume: string,
    cause?: unknown,
    /** The reason of the Pod's Event. */
    reason: 'FailedMount' | 'FailedMapVolume' = 'FailedMount',
  ) {
    super(message, { code: 'FailedMount', reason, cause });
    this.volume = volume;
  }
}

/** A volume that this node can never give to the Pod: the Pod is rejected, and somebody may make another one elsewhere. */
export class RejectedVolume extends KubeletError {
  constructor(reason: string, message: string) {
    super(message, { code: 'RejectedVolume', reason });
  }
}

/** Wraps what a volume type threw in the words of the Go kubelet's event. */
export function setUpFailed(volume: string, thrown: unknown): VolumeError | RejectedVolume {
  if (thrown instanceof VolumeError || thrown instanceof RejectedVolume) return thrown;
  const message = `MountVolume.SetUp failed for volume ${goQuote(volume)} : ${errorMessage(thrown)}`;
  return new VolumeError(message, volume, thrown);
}

/** What kubelet says of a volume that it cannot even begin with, because of what stands in the API. */
export function unprocessed(volume: string, thrown: unknown): VolumeError {
  const message = `Unable to attach or mount volumes: unmounted volumes=[${volume}], unattached volumes=[], failed to process volumes=[${volume}]: ${errorMessage(thrown)}`;
  return new VolumeError(message, volume, thrown);
}
