import { goQuote } from '../../k8s/goText.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { VolumeError } from '../volumeError.ts';

/** A step failed, and is known to have left nothing behind: its counterpart need not be called for it. */
export class FinalError extends KubeletError {
  constructor(message: string, cause?: unknown) {
    super(message, { code: 'FinalVolumeError', cause });
  }
}

/** Kubelet's words for a step, before the volume's name. */
export type StepWords =
  | 'MountVolume.MountDevice failed'
  | 'MountVolume.WaitForAttach failed'
  | 'MountVolume.GetDeviceMountPath failed'
  | 'MapVolume.WaitForAttach failed'
  | 'MountVolume.SetUp failed'
  | 'MountVolume.NodeAffinity check failed'
  | 'MountVolume.MountOptionSupport check failed'
  | 'MountVolume.Setup failed while expanding volume'
  | 'MountVolume.NewMounter initialization failed'
  | 'MapVolume.SetUpDevice failed'
  | 'MapVolume.NewBlockVolumeMapper initialization failed'
  | 'MapVolume.EvalHostSymlinks failed'
  | 'MapVolume.MapPodDevice failed'
  | 'MapVolume.MapBlockVolume failed'
  | 'MapVolume.NodeAffinity check failed'
  | 'MapVolume.MarkVolumeAsMounted failed while expanding volume'
  | 'UnmountVolume.TearDown failed'
  | 'UnmountDevice failed';

/** The error of a Pod's Event: `MountVolume.SetUp failed for volume "pv" : …`. `volume` is the volume's own name, not the Pod's for it. */
export function stepFailed(words: StepWords, volume: string, thrown: unknown): VolumeError {
  if (thrown instanceof VolumeError) return thrown;
  const message = `${words} for volume ${goQuote(volume)} : ${errorMessage(thrown)}`;
  // Kubelet tells the affinity of a block volume with the other reason.
  const block = words.startsWith('MapVolume.') && !words.includes('NodeAffinity');
  const reason = block ? 'FailedMapVolume' : 'FailedMount';
  return new VolumeError(message, volume, thrown, reason);
}

/** Whether the error, or what caused it, says that the step left nothing behind that it had begun. */
export function isFinal(thrown: unknown): boolean {
  return thrown instanceof FinalError || (thrown as { cause?: unknown }).cause instanceof FinalError;
}
