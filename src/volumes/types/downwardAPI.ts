import { payloadVolume } from '../payloadVolume.ts';
import { downwardPayload } from '../rules/downwardPayload.ts';
import { requireDefaultMode } from '../rules/payload.ts';

/** Fields of the Pod itself as files. */
export const downwardAPIVolume = payloadVolume({
  plugin: 'kubernetes.io/downward-api',
  medium: 'memory',
  references: () => [],
  collect: async ({ pod, volume, context }) => {
    const { items = [], defaultMode } = volume.downwardAPI!;
    return { payload: downwardPayload(pod, items, requireDefaultMode(defaultMode), context.nodeAllocatable) };
  },
});
