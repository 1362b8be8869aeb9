import { goQuote } from '../../k8s/goText.ts';
import { hasUid, type ServerHost } from '../host.ts';
import { type Exchange, HttpError } from '../http/exchange.ts';
import { debuggingDisabled, type Route } from '../http/route.ts';
import { fullName, requestedPod, streamThrough } from '../stream/container.ts';

/** Connections into a Pod's network. */
export const portForward: Route = {
  paths: ['/portForward/{namespace}/{pod}', '/portForward/{namespace}/{pod}/{uid}'],
  methods: ['GET', 'POST'],
  upgrades: true,
  disabled: debuggingDisabled,
  handle: servePortForward,
};

async function servePortForward(exchange: Exchange, host: ServerHost): Promise<void> {
  const ports = requestedPorts(exchange);
  const pod = requestedPod(exchange, host);
  if (!hasUid(pod, exchange.params.uid)) throw new HttpError(404, 'pod not found');
  const sandbox = pod.observed?.sandboxes.find((s) => s.ready);
  if (!sandbox) throw new HttpError(500, `pod not found (${goQuote(fullName(pod))})`);
  await streamThrough(exchange, () => host.runtime.portForward(sandbox.id, ports));
}

/** Over SPDY each stream names its port; a WebSocket must name all of them in its query. */
function requestedPorts({ request, query }: Exchange): number[] {
  if (request.headers.upgrade?.toLowerCase() !== 'websocket') return [];
  const texts = query.getAll('port');
  if (texts.length === 0) throw new HttpError(400, 'query parameter "port" is required');
  return texts.flatMap((text) => {
    if (text === '') throw new HttpError(400, 'query parameter "port" cannot be empty');
    return text.split(',').map((part) => port(part, text));
  });
}

function port(part: string, whole: string): number {
  const value = /^\d{1,5}$/.test(part) ? Number(part) : Number.NaN;
  if (!(value <= 65535)) throw new HttpError(400, `unable to parse ${goQuote(whole)} as a port`);
  if (value < 1) throw new HttpError(400, `port ${goQuote(whole)} must be > 0`);
  return value;
}
