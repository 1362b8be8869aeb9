import { CriError } from '../../cri/error.ts';
import { goQuote } from '../../k8s/goText.ts';
import type { ServedPod } from '../../pods/served.ts';
import { findPod, hasUid, type ServerHost } from '../host.ts';
import { type Exchange, HttpError } from '../http/exchange.ts';
import { passThrough } from './passThrough.ts';

const UID_LABEL = 'io.kubernetes.pod.uid';
const NAME_LABEL = 'io.kubernetes.container.name';
const RUNNING = 'CONTAINER_RUNNING';

/** The Pod that a streaming request names; HttpError 404 when there is none. */
export function requestedPod(exchange: Exchange, host: ServerHost): ServedPod {
  const { namespace = '', pod = '' } = exchange.params;
  const found = findPod(host.pods, namespace, pod);
  if (!found) throw new HttpError(404, 'pod does not exist');
  return found;
}

/** kubelet's full name of a Pod, which its messages use. */
export const fullName = (pod: ServedPod): string => `${pod.name}_${pod.namespace}`;

/**
 * The id of the running container that a request names; undefined when there is none. The last observation answers; where it does not
 * show one running, the runtime is asked, for it may have started a moment ago.
 */
export async function runningContainer(
  pod: ServedPod,
  uid: string | undefined,
  name: string,
  host: ServerHost,
): Promise<string | undefined> {
  if (!hasUid(pod, uid)) return undefined;
  const seen = pod.observed?.containers.find((c) => c.name === name && c.state === 'running');
  if (seen) return seen.id;
  const listed = await host.runtime.listContainers({
    labelSelector: { [UID_LABEL]: pod.uid, [NAME_LABEL]: name },
    state: { state: RUNNING },
  });
  return listed.sort((a, b) => Number(b.createdAt) - Number(a.createdAt))[0]?.id;
}

/** Joins the client with the streaming URL that the runtime gives; its refusal becomes kubelet's HTTP error. */
export async function streamThrough(exchange: Exchange, url: () => Promise<string>): Promise<void> {
  const found = await url().catch((error: unknown) => {
    throw streamingError(error);
  });
  await passThrough(exchange, found);
}

/** A failed runtime call as the HTTP error that kubelet makes of it. */
function streamingError(error: unknown): unknown {
  if (!(error instanceof CriError)) return error;
  const text = `rpc error: code = ${error.grpcCodeName} desc = ${error.message}`;
  if (error.grpcCodeName === 'NotFound') return new HttpError(404, text);
  if (error.grpcCodeName === 'ResourceExhausted') return new HttpError(429, text, { 'retry-after': '60' });
  return new HttpError(500, text);
}

/** kubelet's sentence about a container that does not run. */
export const noContainer = (name: string) => new HttpError(500, `container not found (${goQuote(name)})`);
