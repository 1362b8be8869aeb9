import { CriError } from '../../cri/error.ts';
import type { ServerHost } from '../host.ts';
import { type Exchange, HttpError, send } from '../http/exchange.ts';
import { debuggingDisabled, type Route } from '../http/route.ts';
import { noContainer, requestedPod, runningContainer } from '../stream/container.ts';

/** A command without streams; the answer is its output. */
export const run: Route = {
  paths: ['/run/{namespace}/{pod}/{container}', '/run/{namespace}/{pod}/{uid}/{container}'],
  methods: ['POST'],
  disabled: debuggingDisabled,
  handle: serveRun,
};

async function serveRun(exchange: Exchange, host: ServerHost): Promise<void> {
  const pod = requestedPod(exchange, host);
  const { container = '', uid } = exchange.params;
  const command = (exchange.query.get('cmd') ?? '').split(' ');
  const id = await runningContainer(pod, uid, container, host);
  if (id === undefined) throw noContainer(container);
  const { stdout, stderr, exitCode } = await execute(id, command, host, exchange.signal);
  if (exitCode !== 0) {
    const text = `command '${command.join(' ')}' exited with ${exitCode}: ${Buffer.from(stderr).toString('utf8')}`;
    throw new HttpError(500, text);
  }
  send(exchange, 200, 'application/json', Buffer.concat([stdout, stderr]));
}

async function execute(id: string, command: string[], { runtime }: ServerHost, signal: AbortSignal) {
  try {
    return await runtime.execSync(id, command, 0, { signal, wholeOutput: true });
  } catch (error) {
    if (!(error instanceof CriError)) throw error;
    throw new HttpError(500, `rpc error: code = ${error.grpcCodeName} desc = ${error.message}`);
  }
}
