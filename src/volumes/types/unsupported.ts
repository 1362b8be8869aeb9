import { goQuote } from '../../k8s/goText.ts';
import { KubeletError } from '../../lib/errors.ts';
import type { VolumeKind, VolumeType } from '../volumeType.ts';

/** A kind that this program knows of and cannot mount. Not retryable: only another version of the program changes that. */
export function unsupportedVolume(kind: VolumeKind): VolumeType {
  return refused(kind, `volume type ${kind} is not yet supported by kubelet-ts`);
}

/** A kind that only a newer Kubernetes knows. */
export function unknownVolume(kind: string): VolumeType {
  return refused(
    kind,
    `volume type ${goQuote(kind)} is unknown to this version of kubelet-ts, so it cannot be mounted`,
  );
}

function refused(kind: string, sentence: string): VolumeType {
  const refuse = async () => {
    throw new KubeletError(sentence, { code: 'UnsupportedVolume' });
  };
  return { plugin: `kubernetes.io/${kind.toLowerCase()}`, references: () => [], mount: refuse, update: refuse };
}
