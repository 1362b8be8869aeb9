import type { Clock } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Attempt } from '../rules/attempt.ts';
import { networkText } from '../rules/netText.ts';
import { hostPort, resolvePort } from '../rules/port.ts';
import { open } from './connection.ts';
import { deadline } from './deadline.ts';
import type { ProbeHandler } from './handler.ts';
import { NO_POD_IP } from './handler.ts';

/** tcpSocket: healthy when the connection is accepted. Nothing is sent. */
export function tcpHandler(clock: Clock): ProbeHandler<'tcpSocket'> {
  return async (action, context) => {
    const resolved = resolvePort(action.port, context.container);
    if ('problem' in resolved) return { result: 'unknown', error: resolved.problem };
    const host = action.host || context.podIP;
    if (host === '') return { result: 'unknown', error: NO_POD_IP };
    return dial(host, resolved.port, context.timeoutMs, clock, context.signal);
  };
}

function dial(host: string, port: number, timeoutMs: number, clock: Clock, signal: AbortSignal): Promise<Attempt> {
  return new Promise((resolve) => {
    const remote = hostPort(host, port);
    const own = new DisposableStack();
    const settle = (attempt: Attempt) => {
      resolve(attempt);
      own.dispose();
    };
    const failure = (output: string) => settle({ result: 'failure', output });
    const onAbort = () => failure(`dial tcp ${remote}: operation was canceled`);
    if (signal.aborted) return onAbort();
    try {
      const connection = open(host, port, false, (error) =>
        failure(networkText(error, { host, remote, local: undefined })),
      );
      own.defer(() => connection.reset());
      own.use(deadline(clock, timeoutMs, () => failure(`dial tcp ${remote}: i/o timeout`)));
      connection.socket.once('connect', () => settle({ result: 'success', output: '' }));
      signal.addEventListener('abort', onAbort, { once: true });
      own.defer(() => signal.removeEventListener('abort', onAbort));
    } catch (error) {
      failure(`dial tcp ${remote}: ${errorMessage(error)}`);
    }
  });
}
