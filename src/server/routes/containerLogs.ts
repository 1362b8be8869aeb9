import { goQuote } from '../../k8s/goText.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { ServedPod } from '../../pods/served.ts';
import type { Pod, PodStatus } from '../../types/k8s.ts';
import { findPod, type ServerHost } from '../host.ts';
import { type Exchange, HttpError, writeSlowly } from '../http/exchange.ts';
import { debuggingDisabled, type Route } from '../http/route.ts';
import { bareId, containerForLog } from '../logs/containerId.ts';
import type { Following } from '../logs/followLog.ts';
import { logOptions } from '../logs/options.ts';
import { sendLog } from '../logs/sendLog.ts';

/** A container's log, straight from the runtime's file. */
export const containerLogs: Route = {
  paths: ['/containerLogs/{namespace}/{pod}/{container}'],
  methods: ['GET'],
  disabled: debuggingDisabled,
  handle: serveLogs,
};

async function serveLogs(exchange: Exchange, host: ServerHost): Promise<void> {
  const { params, response, signal } = exchange;
  const { namespace = '', pod: name = '', container = '' } = params;
  const options = logOptions(exchange.query, host.clock.now().wall);
  const served = findPod(host.pods, namespace, name);
  if (!served?.pod) throw new HttpError(404, `pod ${goQuote(name)} does not exist`);
  if (!isInSpec(served.pod, container))
    throw new HttpError(404, `container ${goQuote(container)} not found in pod ${goQuote(name)}`);
  const status: PodStatus = served.status ?? served.pod.status ?? {};
  const chosen = containerForLog(name, status, container, options.previous);
  if (chosen.id === undefined) throw new HttpError(400, chosen.problem);
  if (options.stream !== 'Stderr') {
    // Clients see at once that the log is there, even if it has nothing to say for hours.
    response.writeHead(200);
    response.flushHeaders();
  }
  try {
    const path = await logPath(served, chosen.id, host);
    const following = followContainer(served.uid, bareId(chosen.id), host);
    const owner = { podLogsDir: host.config.podLogsDir, containerId: bareId(chosen.id) };
    const context = { options, following, clock: host.clock, signal, owner };
    await sendLog(path, (piece) => writeSlowly(response, piece, signal), context);
  } catch (error) {
    // kubelet appends the sentence to what it has sent; clients look for it there.
    if (!response.headersSent) throw new HttpError(400, errorMessage(error));
    response.write(errorMessage(error));
  }
  if (!response.headersSent) response.writeHead(200);
  response.end();
}

function isInSpec(pod: Pod, container: string): boolean {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [...containers, ...initContainers, ...ephemeralContainers].some((c) => c.name === container);
}

async function logPath(pod: ServedPod, id: string, host: ServerHost): Promise<string> {
  const seen = pod.observed?.containers.find((c) => c.id === bareId(id));
  if (seen?.logPath) return seen.logPath;
  try {
    return (await host.runtime.containerStatus(bareId(id))).status?.logPath ?? '';
  } catch (error) {
    host.log.debug('a container has no log', { container: id, error: errorMessage(error) });
    throw new Error(`unable to retrieve container logs for ${id}`);
  }
}

/** A container that is no longer known is over too. */
function followContainer(podUid: string, id: string, { pods, config }: ServerHost): Following {
  return {
    maxFiles: config.containerLogMaxFiles,
    running: () => pods.get(podUid)?.observed?.containers.find((c) => c.id === id)?.state === 'running',
    onChange: (listener) => pods.onChange(podUid, listener),
  };
}
