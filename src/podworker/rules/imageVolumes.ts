import type { ContainerView } from '../../pods/rules/views.ts';
import type { Container, Pod } from '../../types/k8s.ts';
import { imageState, type StartState } from './images.ts';
import type { Turn } from './turn.ts';

/** Stands for an image volume where a container's name stands otherwise; no container can have such a name. */
const imageVolumeOwner = (volume: string): string => `${OWNER}${volume}`;
const OWNER = 'volume:';

/** The image volume that stands in a container's place; undefined for a container. */
export function imageVolumeOf(owner: string): string | undefined {
  return owner.startsWith(OWNER) ? owner.slice(OWNER.length) : undefined;
}

/**
 * Image volumes (KEP-4639) are pulled like container images and mounted by the runtime. Returns what holds back the containers that mount
 * one which is not there; they show its reason as their own, as in kubelet. One that nothing mounts is pulled too, but nobody waits for it.
 */
export function planImageVolumes(
  turn: Turn,
  pod: Pod,
  containers: readonly ContainerView[],
): ReadonlyMap<string, StartState> {
  const held = new Map<string, StartState>();
  for (const volume of pod.spec?.volumes ?? []) {
    if (!volume.image?.reference) continue;
    const name = imageVolumeOwner(volume.name);
    const { reference, pullPolicy } = volume.image;
    const container: Container = { name, image: reference, imagePullPolicy: pullPolicy ?? 'IfNotPresent' };
    const gate = imageState(turn, { name, kind: 'main', container, history: [], nextAttempt: 0 });
    const waiting = turn.waiting[name];
    delete turn.waiting[name];
    if (gate === 'ready') continue;
    for (const view of containers) {
      if (!view.container.volumeMounts?.some((m) => m.name === volume.name)) continue;
      held.set(view.name, gate);
      if (waiting) turn.waiting[view.name] = waiting;
    }
  }
  return held;
}
