import { formatDuration } from '../k8s/duration.ts';
import { API_VERSION, FIELDS, KIND, type KubeletConfiguration } from './kubeletConfiguration.ts';
import type { Fields } from './schema.ts';

/** Plain values that Go leaves out where they are zero or false; the others are pointers there, or always written. */
const LEFT_OUT_AT_ZERO: ReadonlySet<string> = new Set([
  ...['enableContentionProfiling', 'evictionMaxPodGracePeriod', 'kernelMemcgNotification', 'podsPerCore'],
  ...['protectKernelDefaults', 'rotateCertificates', 'runOnce', 'serverTLSBootstrap', 'splitStream'],
]);

/**
 * The answer of `/configz`: the configuration in force as KubeletConfiguration v1beta1 writes it. Headers of staticPodURL are shown too, as
 * the Go kubelet does: what it says can be loaded again, and who may ask for it may read the node's configuration.
 */
export function toConfigz(config: KubeletConfiguration): { readonly kubeletconfig: Readonly<Record<string, unknown>> } {
  const fields = toVersioned(FIELDS, { ...config });
  return { kubeletconfig: { kind: KIND, apiVersion: API_VERSION, ...fields } };
}

function toVersioned(fields: Fields, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = values[name];
    if (isLeftOut(value) || (!value && LEFT_OUT_AT_ZERO.has(name))) continue;
    if (field.kind === 'duration') out[name] = formatDuration(value as number);
    else if (field.kind === 'object') out[name] = toVersioned(field.fields ?? {}, value as Record<string, unknown>);
    else if (field.kind === 'list') {
      out[name] = (value as Record<string, unknown>[]).map((item) => toVersioned(field.fields ?? {}, item));
    } else out[name] = value;
  }
  return out;
}

/** Empty texts, lists and maps are left out, as Go does. */
function isLeftOut(value: unknown): boolean {
  if (value === undefined || value === '') return true;
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
}
