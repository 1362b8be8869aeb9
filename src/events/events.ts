import { isStaticPod } from '../k8s/criticalPod.ts';
import { bounded, EVENT_BYTES } from '../lib/bounded.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { RecordedPod, Recorder } from '../timeline/recorder.ts';
import type { Pod } from '../types/k8s.ts';
import { EventCorrelator } from './correlator.ts';
import type { NodeEvent, PodEvent } from './event.ts';
import type { EventRecorder, EventSubject } from './recorder.ts';

export interface EventsOptions {
  readonly nodeName: string;
  /** null in standalone mode. */
  readonly api: Pick<EventRecorder, 'record'> | null;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Events go to the API server, the Pod's timeline and the log; their messages are cut at 1 KiB. The log gets those that the API server
 * gets: what a Pod repeats without end fills neither. The Go kubelet logs none at its default verbosity.
 */
export class Events {
  readonly #options: EventsOptions;
  readonly #standalone = new EventCorrelator();

  constructor(options: EventsOptions) {
    this.#options = options;
  }

  /** About a Pod, or one of its containers. `pod`: null when only the runtime knows it; the API server then hears nothing. */
  pod(pod: Pod | null, { uid, namespace, name }: RecordedPod, event: PodEvent): void {
    const { api, clock, log, recorder } = this.#options;
    const message = bounded(event.message, EVENT_BYTES);
    recorder.record(uid, { kind: 'event', at: clock.now(), reason: event.reason, message });
    // What is about an image volume is about the Pod, not one of its containers.
    const fieldPath =
      pod && event.container && !event.container.startsWith('volume:')
        ? { fieldPath: fieldPathOf(pod, event.container) }
        : {};
    const subject = {
      kind: 'Pod',
      apiVersion: 'v1',
      name,
      namespace,
      // kubectl describe finds a static Pod's events under its hash, which is what the mirror shows as its UID's source.
      uid: pod && isStaticPod(pod) ? (pod.metadata?.annotations?.['kubernetes.io/config.hash'] ?? uid) : uid,
      ...(pod?.metadata?.resourceVersion ? { resourceVersion: pod.metadata.resourceVersion } : {}),
    };
    const { annotations, update } = event;
    const details = { ...fieldPath, ...(annotations && { annotations }), ...(update !== undefined && { update }) };
    const told = pod ? api?.record(subject, event.type, event.reason, message, details) : undefined;
    if (!(told ?? (update === undefined && this.#isNews(subject, event.type, event.reason, message)))) return;
    log.info(message, {
      pod: `${namespace}/${name}`,
      podUID: uid,
      reason: event.reason,
      ...(event.container ? { container: event.container } : {}),
    });
  }

  /** About the Node. */
  node(event: NodeEvent): void {
    const { api, log, nodeName } = this.#options;
    const subject = { kind: 'Node', apiVersion: 'v1', name: nodeName };
    const message = bounded(event.message, EVENT_BYTES);
    const told = api?.record(subject, event.type, event.reason, message);
    if (told ?? this.#isNews(subject, event.type, event.reason, message))
      log.info(message, { node: nodeName, reason: event.reason });
  }

  /** What the API server's side would say if there were one. */
  #isNews(involvedObject: EventSubject, type: string, reason: string, message: string): boolean {
    const event = { metadata: {}, involvedObject, type, reason, message };
    return this.#standalone.correlate(event, this.#options.clock.now().mono, '', '').action !== 'skip';
  }
}

/** Where in the spec the container is: events of containers carry it. */
function fieldPathOf(pod: Pod, container: string): string {
  if (pod.spec?.initContainers?.some((c) => c.name === container)) return `spec.initContainers{${container}}`;
  if (pod.spec?.ephemeralContainers?.some((c) => c.name === container)) return `spec.ephemeralContainers{${container}}`;
  return `spec.containers{${container}}`;
}
