import type { RecordedCall } from './recorder.ts';

/** Calls whose requests decide what a Pod becomes; the rest only look. */
export const shaping: ReadonlySet<string> = new Set([
  'RunPodSandbox',
  'CreateContainer',
  'StartContainer',
  'StopContainer',
  'RemoveContainer',
  'StopPodSandbox',
  'RemovePodSandbox',
  'UpdateContainerResources',
  'UpdatePodSandboxResources',
  'PullImage',
]);

/** Names that the two runs give to the same thing, put in the place of what differs by chance. */
export type Names = ReadonlyMap<string, string>;

const uid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const id = /\b[0-9a-f]{64}\b/g;
/** The file of the termination message has a random name. */
const messageFile = /(\/containers\/[^/]+\/)[0-9a-f]{8}$/;
/** A Service that is made anew gets another address; the two fixed ones stay. */
const service = /\b10\.(9[6-9]|10\d|11[01])\.\d+\.\d+\b/g;
const address = /\b10\.244\.\d+\.\d+\b/g;
const time = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)/g;
const random = /\b(kube-api-access-)[a-z0-9]{5}\b/g;

function text(value: string, names: Names): string {
  const replaced = value
    .replace(uid, 'UID')
    .replace(id, (found) => names.get(found) ?? 'ID')
    .replace(messageFile, '$1RANDOM')
    .replace(service, (found) => (/^10\.96\.0\.(1|10)$/.test(found) ? found : 'SERVICE-IP'))
    .replace(address, 'POD-IP')
    .replace(time, 'TIME')
    .replace(random, '$1RANDOM');
  return replaced;
}

function sortKey(value: unknown): string {
  const { key, name, containerPath, pageSize, type } = (value ?? {}) as Record<string, unknown>;
  return String(key ?? name ?? containerPath ?? pageSize ?? type ?? '');
}

/** A value without what differs by chance; lists that have no order of their own are sorted. */
export function normalize(value: unknown, names: Names, path = ''): unknown {
  if (typeof value === 'string') return text(value, names);
  if (value instanceof Uint8Array) return text(Buffer.from(value).toString(), names);
  if (Array.isArray(value)) {
    const list = value.map((one) => normalize(one, names, path));
    // The Go kubelet walks maps here: the order of these differs from one of its own runs to the next.
    return /\.(envs|mounts|devices|hugepageLimits)$/.test(path)
      ? list.sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1))
      : list;
  }
  if (value && typeof value === 'object') {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([key, one]) => [text(key, names), normalize(one, names, `${path}.${key}`)]));
  }
  return value;
}

/** A field that is not the same on both sides. */
export interface Difference {
  path: string;
  go: unknown;
  ts: unknown;
}

/** All fields in which two normalized values differ. */
export function differences(go: unknown, ts: unknown, path = ''): Difference[] {
  if (Object.is(go, ts)) return [];
  const both = [go, ts];
  if (both.every((one) => one !== null && typeof one === 'object') && Array.isArray(go) === Array.isArray(ts)) {
    const [a, b] = both as [Record<string, unknown>, Record<string, unknown>];
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return keys.flatMap((key) => differences(a[key], b[key], path === '' ? key : `${path}.${key}`));
  }
  return [{ path, go, ts }];
}

interface SandboxRequest {
  config?: { metadata?: { name: string } };
}
interface ContainerRequest {
  podSandboxId?: string;
  containerId?: string;
  config?: { metadata?: { name: string } };
  image?: { image: string };
}

/** A recording by Pod: for each, the requests of each kind in their order, normalized, keyed `METHOD container#n`. */
export function byPod(calls: readonly RecordedCall[]): Map<string, Map<string, unknown>> {
  const names = new Map<string, string>();
  const podOf = new Map<string, string>();
  const result = new Map<string, Map<string, unknown>>();
  for (const call of calls.filter(({ method }) => shaping.has(method))) {
    const request = call.request as SandboxRequest & ContainerRequest;
    const isSandbox = call.method === 'RunPodSandbox';
    const owner = request.containerId || request.podSandboxId || '';
    const pod = isSandbox ? request.config?.metadata?.name : podOf.get(owner);
    if (pod === undefined) continue; // a pull, or a Pod of before the recording
    const what = isSandbox ? 'sandbox' : (request.config?.metadata?.name ?? names.get(owner) ?? owner);
    if (call.id) {
      podOf.set(call.id, pod);
      names.set(call.id, what);
    }
    const calls = result.get(pod) ?? new Map<string, unknown>();
    result.set(pod, calls);
    let number = 1;
    while (calls.has(`${call.method} ${what}#${number}`)) number++;
    calls.set(`${call.method} ${what}#${number}`, normalize(call.request, names));
  }
  return result;
}
