import { isStaticPod } from '../lib/criticalPod.ts';
import type { Logger } from '../lib/logger.ts';
import type { NodeEvent } from '../node/types.ts';
import type { PodFacts } from '../podworker/rules/facts.ts';
import type { PodEvent } from '../podworker/rules/turn.ts';
import type { Recorder } from '../timeline/recorder.ts';
import type { Pod } from '../types/k8s.ts';
import type { EventRecorder } from './recorder.ts';

/** Events go to the API server, the Pod's timeline and the log. */
export class EventSide {
  /** Set once the API side exists; null in standalone mode. */
  api: EventRecorder | null = null;
  readonly #recorder: Recorder;
  readonly #log: Logger;

  constructor(recorder: Recorder, log: Logger) {
    this.#recorder = recorder;
    this.#log = log;
  }

  pod(pod: Pod | null, facts: Pick<PodFacts, 'uid' | 'namespace' | 'name'>, event: PodEvent): void {
    const { uid, namespace, name } = facts;
    this.#recorder.record(uid, {
      kind: 'event',
      at: { wall: Date.now(), mono: performance.now() },
      reason: event.reason,
      message: event.message,
    });
    this.#log.info(event.message, {
      pod: `${namespace}/${name}`,
      podUID: uid,
      reason: event.reason,
      ...(event.container ? { container: event.container } : {}),
    });
    if (!pod || !this.api) return;
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
    this.api.record(subject, event.type, event.reason, event.message, fieldPath);
  }

  node(event: NodeEvent, nodeName: string): void {
    this.#log.info(event.message, { node: nodeName, reason: event.reason });
    this.api?.record(
      { kind: 'Node', apiVersion: 'v1', name: nodeName, uid: nodeName },
      event.type,
      event.reason,
      event.message,
    );
  }
}

/** Where in the spec the container is: events of containers carry it. */
function fieldPathOf(pod: Pod, container: string): string {
  if (pod.spec?.initContainers?.some((c) => c.name === container)) return `spec.initContainers{${container}}`;
  if (pod.spec?.ephemeralContainers?.some((c) => c.name === container)) return `spec.ephemeralContainers{${container}}`;
  return `spec.containers{${container}}`;
}
