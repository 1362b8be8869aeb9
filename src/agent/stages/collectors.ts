import { ImageGc } from '../../images/imageGc.ts';
import type { ImageGcPolicy } from '../../images/rules/collectImages.ts';
import type { NodeStage } from './node.ts';
import type { PodStage } from './pods.ts';
import type { Base } from './preflight.ts';
import type { Runtime } from './runtime.ts';

/** Who frees space that nobody uses: by themselves, and when somebody who is short of it asks. */
export interface Collectors {
  readonly images: ImageGc;
}

/** Starts the collection of images. The runtime was listed before, so that nothing that runs is taken for unused. */
export function openCollectors(
  base: Base,
  { cri }: Runtime,
  { events }: NodeStage,
  { services }: PodStage,
  stack: AsyncDisposableStack,
): Collectors {
  const { clock, log, table, metrics } = base;
  const removed = metrics.metrics.counter(
    'kubelet_image_garbage_collected_total',
    '[ALPHA] Total number of images garbage collected by the kubelet, whether through disk usage or image age.',
    ['reason'],
  );
  const images = stack.use(
    new ImageGc({
      ...{ cri, clock, log, table },
      policy: imagePolicy(base),
      images: services.images,
      recordEvent: (event) => events.node(event),
      onRemoved: (reason) => removed.inc({ reason }),
    }),
  );
  images.start();
  return { images };
}

function imagePolicy({ loaded: { config, gates } }: Base): ImageGcPolicy {
  return {
    highPercent: config.imageGCHighThresholdPercent,
    lowPercent: config.imageGCLowThresholdPercent,
    minAgeMs: config.imageMinimumGCAge,
    maxAgeMs: config.imageMaximumGCAge,
    perHandler: gates.enabled('RuntimeClassInImageCriApi'),
  };
}
