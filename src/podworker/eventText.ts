import type { ObservedPod } from '../cri/observed.ts';
import type { PodEvent } from '../events/event.ts';

/**
 * An event as the Go kubelet sends it: a container's id in its text is replaced by the container's name. What runtimes say of a failure
 * names the id, which is another one after each restart, so that each would make a new Event.
 */
export function withoutIds(event: PodEvent, runtime: ObservedPod | null): PodEvent {
  const ids = runtime?.containers.filter((c) => c.name === event.container && c.id !== '') ?? [];
  const message = ids.reduce((text, c) => text.replaceAll(c.id, () => c.name), event.message);
  return message === event.message ? event : { ...event, message };
}
