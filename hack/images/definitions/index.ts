import type { ImageDefinition } from '../definition.ts';
import { agnhost, agnhostPrevious } from './agnhost.ts';
import { busybox } from './busybox.ts';
import { pause } from './pause.ts';

/** All images that can be built. */
export const definitions = {
  pause,
  busybox,
  agnhost,
  'agnhost-previous': agnhostPrevious,
} satisfies Record<string, ImageDefinition>;

export type ImageName = keyof typeof definitions;

/** Images that every cluster's registry serves. */
export const defaultImages: readonly ImageName[] = ['pause', 'busybox', 'agnhost', 'agnhost-previous'];

/** Images that a node without a control plane gets: they need no Kubernetes build. */
export const standaloneImages: readonly ImageName[] = ['pause', 'busybox'];
