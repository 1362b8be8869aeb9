import type { ServerHost } from '../host.ts';
import type { Exchange } from '../http/exchange.ts';
import { debuggingDisabled, type Route } from '../http/route.ts';
import { noContainer, requestedPod, runningContainer, streamThrough } from '../stream/container.ts';
import { streamOptions } from '../stream/options.ts';

/** A command in a container, with its streams. */
export const exec: Route = {
  paths: ['/exec/{namespace}/{pod}/{container}', '/exec/{namespace}/{pod}/{uid}/{container}'],
  methods: ['GET', 'POST'],
  upgrades: true,
  disabled: debuggingDisabled,
  handle: serveExec,
};

async function serveExec(exchange: Exchange, host: ServerHost): Promise<void> {
  const streams = streamOptions(exchange.query);
  const pod = requestedPod(exchange, host);
  const { container = '', uid } = exchange.params;
  await streamThrough(exchange, async () => {
    const containerId = await runningContainer(pod, uid, container, host);
    if (containerId === undefined) throw noContainer(container);
    return host.runtime.exec({ containerId, cmd: exchange.query.getAll('command'), ...streams });
  });
}
