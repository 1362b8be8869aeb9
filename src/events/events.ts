import type { Clock } from '../lib/clock.ts';
import { isStaticPod } from '../lib/criticalPod.ts';
import type { Logger } from '../lib/logger.ts';
import type { PodIdentity, Recorder } from '../timeline/recorder.ts';
import type { Pod } from '../types/k8s.ts';
import type { NodeEvent, PodEvent } from './event.ts';
import type { EventRecorder } from './recorder.ts';

export interface EventsOptions {
  readonly nodeName: string;
  /** null in standalone mode. */
  readonly api: EventRecorder | null;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Events go to the API server, the Pod's timeline and the log. */
export class Events {
  readonly #options: EventsOptions;

  constructor(options: EventsOptions) {
    this.#options = options;
  }

  /** About a Pod, or one of its containers. `pod`: null when only the runtime knows it; the API server then hears nothing. */
  pod(pod: Pod | null, { uid, namespace, name }: PodIdentity, event: PodEvent): void {
    const { api, clock, log, recorder } = this.#options;
    recorder.record(uid, { kind: 'event', at: clock.now(), reason: event.reason, message: event.message });
    log.info(event.message, {
      pod: `${namespace}/${name}`,
      podUID: uid,
      reason: event.reason,
      ...(event.container ? { container: event.container } : {}),
    });
    if (!pod || !api) return;
    // What is about an image volume is about the Pod, not one of its containers.
    const fieldPath =
      event.container && !event.container.startsWith('volume:') ? { fieldPath: fieldPathOf(pod, event.container) } : {};
    const subject = {
      kind: 'Pod',
      apiVersion: 'v1',
      name,
      namespace,
      // kubectl describe finds a static Pod's events under its hash, which is what the mirror shows as its UID's source.
      uid: isStaticPod(pod) ? (pod.metadata?.annotations?.['kubernetes.io/config.hash'] ?? uid) : uid,
      ...(pod.metadata?.resourceVersion ? { resourceVersion: pod.metadata.resourceVersion } : {}),
    };
    api.record(subject, event.type, event.reason, event.message, fieldPath);
  }

  /** About the Node. */
  node(event: NodeEvent): void {
    const { api, log, nodeName } = this.#options;
    log.info(event.message, { node: nodeName, reason: event.reason });
    const subject = { kind: 'Node', apiVersion: 'v1', name: nodeName, uid: nodeName };
    api?.record(subject, event.type, event.reason, event.message);
  }
}

/** Where in the spec the container is: events of containers carry it. */
function fieldPathOf(pod: Pod, container: string): string {
  if (pod.spec?.initContainers?.some((c) => c.name === container)) return `spec.initContainers{${container}}`;
  if (pod.spec?.ephemeralContainers?.some((c) => c.name === container)) return `spec.ephemeralContainers{${container}}`;
  return `spec.containers{${container}}`;
}
