import { fieldPathValue, splitSubscript } from '../../k8s/fieldPath.ts';
import type { ObjectFieldSelector, Pod } from '../../types/k8s.ts';
import type { EnvLookups } from './envTypes.ts';
import { SpecError } from './specError.ts';

const SUPPORTED = new Set([
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.serviceAccountName',
  'spec.schedulerName',
  'status.phase',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]);

/** The value of an environment variable's fieldRef. Throws the Go kubelet's sentence for a field that it does not offer. */
export function envFieldValue(
  pod: Pod,
  selector: ObjectFieldSelector,
  { hostIPs, podIPs }: Pick<EnvLookups, 'hostIPs' | 'podIPs'>,
): string {
  const { apiVersion = 'v1' } = selector;
  if (apiVersion !== 'v1') throw new SpecError(`unsupported pod version: ${apiVersion}`);
  const path = supportedPath(selector.fieldPath);
  switch (path) {
    case 'spec.nodeName':
      return pod.spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? '';
    case 'status.hostIP':
      return known(hostIPs)[0] ?? '';
    case 'status.hostIPs':
      return known(hostIPs).join(',');
    case 'status.podIP':
      return podIPs[0] ?? '';
    case 'status.podIPs':
      return podIPs.join(',');
    default:
      return fieldPathValue(pod, path);
  }
}

function supportedPath(path: string): string {
  const subscript = splitSubscript(path);
  if (subscript) {
    if (subscript.path === 'metadata.annotations' || subscript.path === 'metadata.labels') return path;
    throw new SpecError(`field label does not support subscript: ${path}`);
  }
  if (path === 'spec.host') return 'spec.nodeName'; // the field's name in the API's first versions
  if (SUPPORTED.has(path)) return path;
  throw new SpecError(`field label not supported: ${path}`);
}

function known(hostIPs: readonly string[]): readonly string[] {
  if (hostIPs.length > 0) return hostIPs;
  throw new SpecError('host IP unknown; known addresses: []');
}
