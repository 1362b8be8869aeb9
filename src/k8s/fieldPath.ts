import { KubeletError } from '../lib/errors.ts';
import type { Pod } from '../types/k8s.ts';
import { goQuote } from './goText.ts';
import { qualifiedNameErrors } from './nameValidation.ts';

type StringMap = Readonly<Record<string, string>>;

/** A label or annotation map as the downward API writes it: sorted lines of `key="escaped value"`, no newline at the end. */
export function formatMap(map: StringMap | undefined): string {
  const byCodePoint = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  return Object.keys(map ?? {})
    .sort(byCodePoint)
    .map((key) => `${key}=${goQuote(map?.[key] ?? '')}`)
    .join('\n');
}

/** `metadata.labels['key']` in its two parts; null when the path has no subscript. */
export function splitSubscript(path: string): { path: string; key: string } | null {
  if (!path.endsWith("']")) return null;
  const body = path.slice(0, -2);
  const open = body.indexOf("['");
  return open <= 0 ? null : { path: body.slice(0, open), key: body.slice(open + 2) };
}

/**
 * The value of a metadata field, as an environment variable or a downward API file shows it. What comes from the node
 * (`spec.nodeName`, `status.podIP` …) is not answered here.
 * Throws the API's sentence for a path that is not supported or a key that cannot exist.
 */
export function fieldPathValue(pod: Pod, path: string): string {
  const subscript = splitSubscript(path);
  if (subscript) return subscriptValue(pod, path, subscript);
  switch (path) {
    case 'metadata.annotations':
      return formatMap(pod.metadata?.annotations);
    case 'metadata.labels':
      return formatMap(pod.metadata?.labels);
    case 'metadata.name':
      return pod.metadata?.name ?? '';
    case 'metadata.namespace':
      return pod.metadata?.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata?.uid ?? '';
    default:
      throw fieldError(`unsupported fieldPath: ${path}`);
  }
}

function subscriptValue(pod: Pod, whole: string, { path, key }: { path: string; key: string }): string {
  const isLabel = path === 'metadata.labels';
  if (!isLabel && path !== 'metadata.annotations') {
    throw fieldError(`fieldPath ${goQuote(whole)} does not support subscript`);
  }
  // Annotation keys may be upper case where labels may not.
  const errors = qualifiedNameErrors(isLabel ? key : key.toLowerCase());
  if (errors.length > 0) throw fieldError(`invalid key subscript in ${whole}: ${errors.join(';')}`);
  const map: StringMap = (isLabel ? pod.metadata?.labels : pod.metadata?.annotations) ?? {};
  return Object.hasOwn(map, key) ? (map[key] ?? '') : '';
}

function fieldError(message: string): KubeletError {
  return new KubeletError(message, { code: 'InvalidFieldPath' });
}
