import type { Metrics } from '../../k8s/metrics/metrics.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Action } from '../../podworker/rules/actions.ts';
import type { Container, Pod } from '../../types/k8s.ts';

/** What a runtime's error begins with, behind gRPC's prefix, when it could not mount an image. */
const MOUNT_FAILED = /^(?:rpc error: code = \w+ desc = )?ImageVolumeMountFailed/;

/** kubelet_image_volume_*: at each attempt to start a container, all image volumes of its Pod, and its own mounts of such. */
export class ImageVolumeMetrics {
  readonly #requested;
  readonly #succeeded;
  readonly #failed;

  constructor(m: Metrics) {
    this.#requested = m.counter('kubelet_image_volume_requested_total');
    this.#succeeded = m.counter('kubelet_image_volume_mounted_succeed_total');
    this.#failed = m.counter('kubelet_image_volume_mounted_errors_total');
    for (const one of [this.#requested, this.#succeeded, this.#failed]) one.inc(undefined, 0);
  }

  /** An effect of a Pod ended. An attempt is over when its container could not be made, or was to start. */
  action(pod: Pod | null, action: Action, error: unknown): void {
    const isOver = action.kind === 'startContainer' || (action.kind === 'createContainer' && error !== undefined);
    const volumes = new Set((pod?.spec?.volumes ?? []).flatMap((one) => (one.image ? [one.name] : [])));
    if (!pod || !isOver || volumes.size === 0) return;
    this.#requested.inc(undefined, volumes.size);
    const mounts = containerOf(pod, action.container)?.volumeMounts ?? [];
    const isRefused = action.kind === 'createContainer' && MOUNT_FAILED.test(errorMessage(error));
    for (const { name } of mounts) if (volumes.has(name)) (isRefused ? this.#failed : this.#succeeded).inc();
  }
}

function containerOf({ spec }: Pod, name: string): Pick<Container, 'volumeMounts'> | undefined {
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
  return all.find((one) => one.name === name);
}
