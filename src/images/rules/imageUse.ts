import type { ContainerOut, ImageOut } from '../../cri/generated/runtime.ts';
import type { LifePhase } from '../../pods/facts.ts';
import type { Pod } from '../../types/k8s.ts';
import type { ImageFact } from '../types.ts';
import { parseImageName } from './imageName.ts';

/** What is looked at of a Pod: `PodEntry` is one. */
export interface PodOfImage {
  readonly uid: string;
  readonly phase: LifePhase;
  readonly pod: Pod | null;
}

/** The two halves of what a Pod names. */
interface PodImages {
  readonly containers: readonly string[];
  readonly volumes: readonly string[];
}

/** Every name under which the runtime may list what a Pod calls `ref`; the name itself is one, for it may be an id. */
export function imageNames(ref: string): readonly string[] {
  const name = parseImageName(ref);
  if ('error' in name) return [ref];
  const { repository, tag, digest, withTag } = name;
  return [
    ref,
    withTag,
    ...(tag === undefined ? [] : [`${repository}:${tag}`]),
    ...(digest === undefined ? [] : [`${repository}@${digest}`]),
  ];
}

/** Every name that an image has in the runtime. */
export function namesOf({ id, repoTags, repoDigests }: Pick<ImageOut, 'id' | 'repoTags' | 'repoDigests'>): string[] {
  return [id, ...repoTags, ...repoDigests];
}

/** A Pod's object never changes, so its names are taken apart once. */
const known = new WeakMap<Pod, PodImages>();

function podImages(pod: Pod): PodImages {
  const found = known.get(pod);
  if (found) return found;
  const { initContainers = [], containers = [], ephemeralContainers = [], volumes = [] } = pod.spec ?? {};
  const images = {
    containers: [...initContainers, ...containers, ...ephemeralContainers].flatMap((c) =>
      c.image ? imageNames(c.image) : [],
    ),
    volumes: volumes.flatMap((v) => (v.image?.reference ? imageNames(v.image.reference) : [])),
  };
  known.set(pod, images);
  return images;
}

/**
 * Names and ids of the images that Pods have, or are about to have. A Pod that is being started or runs holds everything that it names:
 * an image that was just pulled for it has no container yet. One that ends holds its image volumes as long as it has a container;
 * the images of its containers are the runtime's to tell. `facts`: what a Pod was told of its images, ids included.
 */
export function namesInPods(
  pods: readonly PodOfImage[],
  facts: (uid: string) => readonly Pick<ImageFact, 'ref' | 'imageId'>[],
  hasContainers: (uid: string) => boolean,
): Set<string> {
  const names = new Set<string>();
  for (const { uid, phase, pod } of pods) {
    const starts = phase === 'Admitting' || phase === 'Active';
    if (pod && (starts || hasContainers(uid))) for (const name of podImages(pod).volumes) names.add(name);
    if (!pod || !starts) continue;
    for (const name of podImages(pod).containers) names.add(name);
    // Not those that an earlier version of the Pod named.
    for (const { ref, imageId } of facts(uid)) if (imageId !== undefined && names.has(ref)) names.add(imageId);
  }
  return names;
}

/** Names and ids of the images of all containers of the runtime, dead ones and those of nobody's Pods too. */
export function namesInContainers(containers: readonly Pick<ContainerOut, 'imageId' | 'imageRef'>[]): Set<string> {
  return new Set(containers.flatMap(({ imageId, imageRef }) => [imageId, imageRef]).filter((name) => name !== ''));
}
