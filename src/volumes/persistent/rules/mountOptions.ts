import type { VolumeSpec } from '../contract.ts';

const ANNOTATION = 'volume.beta.kubernetes.io/mount-options';

/**
 * Mount options of the PersistentVolume, with `own` of the caller, each once and sorted as kubelet gives them to mount(8). The annotation
 * counts before the field. Empty for inline volumes, which have none.
 */
export function mountOptions({ pv }: Pick<VolumeSpec, 'pv'>, own: readonly string[] = []): string[] {
  const annotated = pv?.metadata?.annotations?.[ANNOTATION];
  const asked = annotated === undefined ? (pv?.spec?.mountOptions ?? []) : annotated.split(',');
  return [...new Set([...asked.filter((option) => option !== ''), ...own])].sort();
}
