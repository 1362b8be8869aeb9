import { ImageGc } from '../../images/imageGc.ts';
import type { ImageGcPolicy } from '../../images/rules/collectImages.ts';
import { removeLeftovers } from '../../node/containerGc.ts';
import { DeadContainers } from '../../node/deadContainers.ts';
import type { DeadContainerPolicy } from '../../node/rules/deadContainers.ts';
import type { NodeStage } from './node.ts';
import type { PodStage } from './pods.ts';
import type { Base } from './preflight.ts';
import type { Runtime } from './runtime.ts';

/** Who frees space that nobody uses: by themselves, and when somebody who is short of it asks. */
export interface Collectors {
  readonly images: ImageGc;
  readonly dead: DeadContainers;
}

/** Starts the collection of images; that of dead containers begins when all sources have reported. The runtime was listed before, so that nothing that runs is taken for unused. */
export function openCollectors(
  base: Base,
  { cri }: Runtime,
  { events }: NodeStage,
  { services }: PodStage,
  stack: AsyncDisposableStack,
): Collectors {
  const { clock, log, table, metrics, tracing } = base;
  const removed = metrics.metrics.counter('kubelet_image_garbage_collected_total');
  const images = stack.use(
    new ImageGc({
      ...{ cri, clock, log, table },
      policy: imagePolicy(base),
      images: services.images,
      recordEvent: (event) => events.node(event),
      onRemoved: (reason) => removed.inc({ reason }),
      tracing: tracing?.spans,
    }),
  );
  images.start();
  const dead = new DeadContainers({
    ...{ table, clock },
    policy: deadPolicy(base),
    removeLeftovers: (signal) => removeLeftovers(cri, (uid) => !table.has(uid), log, signal),
  });
  return { images, dead };
}

/** kubelet's deprecated flags about dead containers. */
function deadPolicy({ loaded: { options } }: Base): DeadContainerPolicy {
  return {
    minAgeMs: options.minimumContainerTtlDuration,
    perContainer: options.maximumDeadContainersPerContainer,
    total: options.maximumDeadContainers,
  };
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
