import { goQuote } from '../k8s/goText.ts';
import { errorMessage, KubeletError } from '../lib/errors.ts';
import { LinuxError } from '../lib/linux/linuxError.ts';
import { PayloadError, type Reference } from './rules/payload.ts';

/** A volume that cannot be used now. The message is the text of the Pod's FailedMount event. */
export class VolumeError extends KubeletError {
  readonly volume: string;
  /** The object whose change may cure it; without one, retry with back-off if retryable. */
  readonly waitingFor: Reference | undefined;

  constructor(message: string, volume: string, retryable: boolean, waitingFor?: Reference, cause?: unknown) {
    super(message, { code: 'FailedMount', reason: 'FailedMount', retryable, cause });
    this.volume = volume;
    this.waitingFor = waitingFor;
  }
}

/** Wraps what a volume type threw in the words of the Go kubelet's event. */
export function setUpFailed(volume: string, thrown: unknown): VolumeError {
  if (thrown instanceof VolumeError) return thrown;
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
