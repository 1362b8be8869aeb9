import { EventCorrelator } from '../api/eventCorrelator.ts';
import type { EventRecorder, EventSubject } from '../api/events.ts';
import { bounded, EVENT_BYTES } from '../lib/bounded.ts';
import { isStaticPod } from '../lib/criticalPod.ts';
import type { Logger } from '../lib/logger.ts';
import type { NodeEvent } from '../node/types.ts';
import type { PodFacts } from '../podworker/rules/facts.ts';
import type { PodEvent } from '../podworker/rules/turn.ts';
import type { Recorder } from '../timeline/recorder.ts';
import type { Pod } from '../types/k8s.ts';

/**
 * Events go to the API server, the Pod's timeline and the log; their messages are cut at 1 KiB. The log gets those that the API server
 * gets: what a Pod repeats without end fills neither. The Go kubelet logs none at its default verbosity.
 */
export class EventSide {
  /** Set once the API side exists; null in standalone mode. */
  api: EventRecorder | null = null;
  readonly #recorder: Recorder;
  readonly #log: Logger;
  readonly #standalone = new EventCorrelator();

  constructor(recorder: Recorder, log: Logger) {
    this.#recorder = recorder;
    this.#log = log;
  }

  pod(pod: Pod | null, facts: Pick<PodFacts, 'uid' | 'namespace' | 'name'>, event: PodEvent): void {
    const { uid, namespace, name } = facts;
    const message = bounded(event.message, EVENT_BYTES);
    this.#recorder.record(uid, {
      kind: 'event',
      at: { wall: Date.now(), mono: performance.now() },
      reason: event.reason,
      message,
    });
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
    const told = pod && this.api ? this.api.record(subject, event.type, event.reason, message, fieldPath) : undefined;
    if (!(told ?? this.#isNews(subject, event.type, event.reason, message))) return;
    this.#log.info(message, {
      pod: `${namespace}/${name}`,
      podUID: uid,
      reason: event.reason,
      ...(event.container ? { container: event.container } : {}),
    });
  }

  node(event: NodeEvent, nodeName: string): void {
    const subject = { kind: 'Node', apiVersion: 'v1', name: nodeName, uid: nodeName };
    const message = bounded(event.message, EVENT_BYTES);
    const told = this.api?.record(subject, event.type, event.reason, message);
    if (told ?? this.#isNews(subject, event.type, event.reason, message))
      this.#log.info(message, { node: nodeName, reason: event.reason });
  }

  /** What the API server's side would say if there were one. */
  #isNews(involvedObject: EventSubject, type: string, reason: string, message: string): boolean {
    const event = { metadata: {}, involvedObject, type, reason, message };
    return this.#standalone.correlate(event, performance.now(), '', '').action !== 'skip';
  }
}

/** Where in the spec the container is: events of containers carry it. */
function fieldPathOf(pod: Pod, container: string): string {
  if (pod.spec?.initContainers?.some((c) => c.name === container)) return `spec.initContainers{${container}}`;
  if (pod.spec?.ephemeralContainers?.some((c) => c.name === container)) return `spec.ephemeralContainers{${container}}`;
  return `spec.containers{${container}}`;
}
