// What the downward API shows of a Pod in files, as texts that are compared at each turn.
import type { ObjectMeta, PodSpec } from '../../types/k8s.ts';

/** Annotations have up to 256 KiB, and a Pod may have many such volumes: the text is made once for each version of the Pod. */
const metadataTexts = new WeakMap<ObjectMeta, string>();
const resourceTexts = new WeakMap<PodSpec, string>();

/** Labels and annotations. */
export function shownMetadata(metadata: ObjectMeta = {}): string {
  return once(metadataTexts, metadata, () => {
    const { labels = {}, annotations = {} } = metadata;
    return ` metadata@${JSON.stringify([labels, annotations])}`;
  });
}

/** Resources of all containers, which change in a resize: which of them a file names is not worth looking up. */
export function shownResources(spec: PodSpec | undefined): string {
  if (!spec) return ' resources@[null]';
  return once(resourceTexts, spec, () => {
    const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
    return ` resources@${JSON.stringify([spec.resources, ...containers.map(({ resources }) => resources)])}`;
  });
}

function once<K extends object>(texts: WeakMap<K, string>, key: K, make: () => string): string {
  const known = texts.get(key);
  if (known !== undefined) return known;
  const text = make();
  texts.set(key, text);
  return text;
}
