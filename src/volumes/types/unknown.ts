import { goQuote } from '../../k8s/goText.ts';
import { KubeletError } from '../../lib/errors.ts';
import type { VolumeType } from '../volumeType.ts';

/** A kind that only a newer Kubernetes knows. Only another version of the program changes that. */
export function unknownVolume(kind: string): VolumeType {
  const sentence = `volume type ${goQuote(kind)} is unknown to this version of kubelet-ts, so it cannot be mounted`;
  const refuse = async () => {
    throw new KubeletError(sentence, { code: 'UnsupportedVolume' });
  };
  return { plugin: `kubernetes.io/${kind.toLowerCase()}`, references: () => [], mount: refuse, update: refuse };
}
