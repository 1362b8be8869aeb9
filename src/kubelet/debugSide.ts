import { hostAndPort, socketOf } from '../config/debugPlaces.ts';
import type { KubeletOptions } from '../config/options.ts';
import { backoffDelay } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import { type BoundSocket, bindPrivateSocket } from '../lib/linux/privateSocket.ts';
import { socketPathProblem } from '../lib/linux/unixAddress.ts';
import type { Logger } from '../lib/logger.ts';
import { createDebugServer } from '../server/debugServer.ts';
import { KeptServer } from '../server/http/keptServer.ts';
import type { ExplanationSource } from '../server/routes/podExplanation.ts';

const NOT_SERVED = 'the explanations (kubelet-ts why, timeline) are not served';
const RETRY = { initialMs: 5_000, maxMs: 300_000, jitter: 0.2 };

export interface DebugSideOptions {
  readonly options: Pick<KubeletOptions, 'tsDebugSocket' | 'tsDebugAddress' | 'rootDir'>;
  readonly source: ExplanationSource;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Serves the explanations: on a unix socket for root alone, and on loopback where a flag asks for it. Resolves after the first try
 * and never rejects: a place that cannot be had is warned of and tried again, so that nobody keeps the agent down by taking it.
 */
export async function serveExplanations({ options, ...parts }: DebugSideOptions): Promise<AsyncDisposable> {
  const own = new AsyncDisposableStack();
  const socket = socketOf(options);
  const problem = socket === undefined ? undefined : socketPathProblem(socket);
  if (problem !== undefined)
    parts.log.warn(`${NOT_SERVED}; choose a shorter path with --ts-debug-socket`, { error: `${socket} ${problem}` });
  else if (socket !== undefined) await onSocket(socket, parts, own);
  if (options.tsDebugAddress !== 'off') await onLoopback(options.tsDebugAddress, parts, own);
  return own;
}

type Parts = Omit<DebugSideOptions, 'options'>;

async function onSocket(path: string, parts: Parts, own: AsyncDisposableStack): Promise<void> {
  let bound: BoundSocket | undefined;
  own.defer(() => bound?.remove());
  const server = createDebugServer({ ...parts, loopbackOnly: false });
  const begin = async () => {
    bound = await bindPrivateSocket(path);
    server.listen({ fd: bound.fd });
  };
  await own.use(kept(server, begin, { socket: path }, '--ts-debug-socket', parts)).start();
}

async function onLoopback(address: string, parts: Parts, own: AsyncDisposableStack): Promise<void> {
  const { host, port } = hostAndPort(address);
  const server = createDebugServer({ ...parts, loopbackOnly: true });
  const begin = () => void server.listen(port, host);
  await own.use(kept(server, begin, { address }, '--ts-debug-address', parts)).start();
}

function kept(
  server: ReturnType<typeof createDebugServer>,
  begin: () => void | Promise<void>,
  where: Readonly<Record<string, string>>,
  flag: string,
  { clock, log }: Parts,
): KeptServer {
  const failed = (error: Error, failures: number) => {
    const ms = backoffDelay(RETRY, failures - 1, Math.random());
    log.warn(`${NOT_SERVED}; free the place or choose another with ${flag}; it is tried again`, {
      ...where,
      inSeconds: Math.round(ms / 1000),
      error: errorMessage(error),
    });
    return ms;
  };
  return new KeptServer({ name: 'explanations', server, clock, log, begin, failed });
}
