import { goQuote } from '../k8s/goText.ts';
import { errorMessage, KubeletError } from '../lib/errors.ts';
import { LinuxError } from '../lib/linux/linuxError.ts';
import { PayloadError, type Reference } from './rules/payload.ts';

/** A volume that cannot be used now. The message is the text of the Pod's FailedMount event. */
export class VolumeError extends KubeletError {
  readonly volume: string;
  /** The object whose change may cure it; without one, retry with back-off if retryable. */
  readonly waitingFor: Reference | undefined;

  constructor(
    message: string,
    volume: string,
    retryable: boolean,
    waitingFor?: Reference,
    cause?: unknown,
    /** The reason of the Pod's Event. */
    reason: 'FailedMount' | 'FailedMapVolume' = 'FailedMount',
  ) {
    super(message, { code: 'FailedMount', reason, retryable, cause });
    this.volume = volume;
    this.waitingFor = waitingFor;
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
  if (thrown instanceof PayloadError) {
    return new VolumeError(message, volume, thrown.retryable, thrown.waitingFor, thrown);
  }
  return new VolumeError(message, volume, mayPass(thrown), undefined, thrown);
}

/** The Go kubelet tries every failed mount again. Only what this program refuses by itself is not worth it; the machine may change. */
export function mayPass(thrown: unknown): boolean {
  return thrown instanceof LinuxError || !(thrown instanceof KubeletError) || thrown.retryable;
}

/** What kubelet says of a volume that it cannot even begin with, because of what stands in the API. */
export function unprocessed(volume: string, thrown: unknown): VolumeError {
  const message = `Unable to attach or mount volumes: unmounted volumes=[${volume}], unattached volumes=[], failed to process volumes=[${volume}]: ${errorMessage(thrown)}`;
  const waitingFor = thrown instanceof PayloadError ? thrown.waitingFor : undefined;
  return new VolumeError(message, volume, mayPass(thrown), waitingFor, thrown);
}
