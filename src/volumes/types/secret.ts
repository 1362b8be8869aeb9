import { payloadVolume } from '../payloadVolume.ts';
import { secretPayload } from '../rules/keyedPayload.ts';
import { lookedUp } from '../rules/lookedUp.ts';
import { type Reference, requireDefaultMode } from '../rules/payload.ts';
import type { VolumeTask } from '../volumeType.ts';

/** A Secret's keys as files, in memory only. */
export const secretVolume = payloadVolume({
  plugin: 'kubernetes.io/secret',
  medium: 'memory',
  references: (task) => [referenceOf(task)],
  collect: async (task) => {
    const source = task.volume.secret!;
    const reference = referenceOf(task);
    const object = lookedUp(task.context.objects.get('Secret', reference.namespace, reference.name), reference);
    const defaultMode = requireDefaultMode(source.defaultMode);
    return { payload: secretPayload(object, { items: source.items, defaultMode, reference }) };
  },
});

function referenceOf({ pod, volume }: Pick<VolumeTask, 'pod' | 'volume'>): Reference {
  const { secretName: name = '', optional = false } = volume.secret!;
  return { kind: 'Secret', namespace: pod.metadata.namespace, name, optional, volume: volume.name };
}
