import { join } from 'node:path';
import { CriError } from '../../cri/error.ts';
import { rfc3339 } from '../../k8s/rfc3339.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Pod } from '../../types/k8s.ts';
import { findPod, type ServerHost } from '../host.ts';
import { type Exchange, HttpError, sendJson } from '../http/exchange.ts';
import type { Route } from '../http/route.ts';
import { fullName, runningContainer } from '../stream/container.ts';

/** Writes a container's state to an archive on the node (KEP-2008). */
export const checkpoint: Route = {
  paths: ['/checkpoint/{namespace}/{pod}/{container}'],
  methods: ['POST'],
  handle: serveCheckpoint,
};

async function serveCheckpoint(exchange: Exchange, host: ServerHost): Promise<void> {
  if (!host.config.enableDebuggingHandlers) throw new HttpError(404, '404: Page Not Found');
  const { namespace = '', pod: name = '', container = '' } = exchange.params;
  const pod = findPod(host.pods, namespace, name);
  if (!pod?.pod) throw new HttpError(404, 'pod does not exist');
  if (!isInSpec(pod.pod, container)) throw new HttpError(404, `container ${container} does not exist`);
  const timeout = timeoutSeconds(exchange.query.getAll('timeout').at(-1));
  const time = rfc3339(host.clock.now().wall);
  const location = join(host.rootDir, 'checkpoints', `checkpoint-${fullName(pod)}-${container}-${time}.tar`);
  try {
    const id = await runningContainer(pod, undefined, container, host);
    if (id === undefined) throw new Error(`container ${container} not found`);
    await host.runtime.checkpointContainer(id, location, timeout);
  } catch (error) {
    const why =
      error instanceof CriError
        ? `rpc error: code = ${error.grpcCodeName} desc = ${error.message}`
        : errorMessage(error);
    throw new HttpError(500, `checkpointing of ${namespace}/${name}/${container} failed (${why})`);
  }
  sendJson(exchange, JSON.stringify({ items: [location] }));
}

function timeoutSeconds(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^[+-]?\d{1,15}$/.test(text)) throw new HttpError(404, 'cannot parse value of timeout parameter');
  return Math.max(0, Number(text));
}

function isInSpec(pod: Pod, name: string): boolean {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [...containers, ...initContainers, ...ephemeralContainers].some((c) => c.name === name);
}
