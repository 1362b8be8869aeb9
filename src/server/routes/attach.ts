import type { Pod } from '../../types/k8s.ts';
import type { ServerHost } from '../host.ts';
import { type Exchange, HttpError } from '../http/exchange.ts';
import { debuggingDisabled, type Route } from '../http/route.ts';
import { fullName, requestedPod, runningContainer, streamThrough } from '../stream/container.ts';
import { streamOptions } from '../stream/options.ts';

/** The streams of a container's own process. */
export const attach: Route = {
  paths: ['/attach/{namespace}/{pod}/{container}', '/attach/{namespace}/{pod}/{uid}/{container}'],
  methods: ['GET', 'POST'],
  upgrades: true,
  disabled: debuggingDisabled,
  handle: serveAttach,
};

async function serveAttach(exchange: Exchange, host: ServerHost): Promise<void> {
  const streams = streamOptions(exchange.query);
  const pod = requestedPod(exchange, host);
  const { container = '', uid } = exchange.params;
  await streamThrough(exchange, async () => {
    const containerId = await runningContainer(pod, uid, container, host);
    const spec = containerSpec(pod.pod, container);
    if (containerId === undefined || !spec)
      throw new HttpError(500, `container ${container} not found in pod ${fullName(pod)}`);
    // A process keeps the terminal that it was started with, whatever the request says.
    return host.runtime.attach({ containerId, ...streams, tty: spec.tty === true });
  });
}

function containerSpec(pod: Pod | null, name: string): { readonly tty?: boolean } | undefined {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod?.spec ?? {};
  return [...containers, ...initContainers, ...ephemeralContainers].find((c) => c.name === name);
}
