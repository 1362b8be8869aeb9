import { bounded } from '../../lib/bounded.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Probe } from '../../types/k8s.ts';
import type { Attempt } from '../rules/attempt.ts';
import { execHandler } from './exec.ts';
import { grpcHandler } from './grpc.ts';
import type { AttemptContext, ExecSync, HandlerKind, ProbeHandler } from './handler.ts';
import { HANDLER_KINDS } from './handler.ts';
import { httpHandler } from './http.ts';
import { tcpHandler } from './tcp.ts';

/** One handler for every way to probe. */
export type ProbeHandlers = { readonly [K in HandlerKind]: ProbeHandler<K> };

/** The handlers of this program. A kind without one does not compile. */
export function createHandlers(cri: ExecSync, clock: Clock): ProbeHandlers {
  return {
    exec: execHandler(cri),
    httpGet: httpHandler(clock),
    tcpSocket: tcpHandler(clock),
    grpc: grpcHandler(clock),
  };
}

/** Bytes of an attempt's text: what a command may print or a body may hold (pkg/probe), and words of ours around it. */
const ATTEMPT_BYTES = 11 * 1024;

/** One attempt of a probe by the handler of its kind. What it found is said in at most 11 KiB. */
export async function attempt(handlers: ProbeHandlers, probe: Probe, context: AttemptContext): Promise<Attempt> {
  const kind = HANDLER_KINDS.find((k) => probe[k] !== undefined && probe[k] !== null);
  if (kind === undefined) return { result: 'unknown', error: `missing probe handler for ${context.container.name}` };
  const found = await run(handlers, kind, probe, context);
  if ('error' in found) return { ...found, error: bounded(found.error, ATTEMPT_BYTES) };
  return { ...found, output: bounded(found.output, ATTEMPT_BYTES) };
}

function run<K extends HandlerKind>(
  handlers: ProbeHandlers,
  kind: K,
  probe: Probe,
  context: AttemptContext,
): Promise<Attempt> {
  return handlers[kind](probe[kind]!, context);
}
