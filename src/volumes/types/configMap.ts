import { payloadVolume } from '../payloadVolume.ts';
import { configMapPayload } from '../rules/keyedPayload.ts';
import { lookedUp } from '../rules/lookedUp.ts';
import { type Reference, requireDefaultMode } from '../rules/payload.ts';
import type { VolumeTask } from '../volumeType.ts';

/** A ConfigMap's keys as files, on disk. */
export const configMapVolume = payloadVolume({
  plugin: 'kubernetes.io/configmap',
  medium: 'disk',
  references: (task) => [referenceOf(task)],
  collect: async (task) => {
    const source = task.volume.configMap!;
    const reference = referenceOf(task);
    const object = lookedUp(task.context.objects.get('ConfigMap', reference.namespace, reference.name), reference);
    const defaultMode = requireDefaultMode(source.defaultMode);
    return { payload: configMapPayload(object, { items: source.items, defaultMode, reference }) };
  },
});

function referenceOf({ pod, volume }: Pick<VolumeTask, 'pod' | 'volume'>): Reference {
  const { name = '', optional = false } = volume.configMap!;
  return { kind: 'ConfigMap', namespace: pod.metadata.namespace, name, optional, volume: volume.name };
}
