import { formatDuration } from '../../k8s/duration.ts';
import { goQuote } from '../../k8s/goText.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Attempt } from '../rules/attempt.ts';
import { hostPort } from '../rules/port.ts';
import { deadline } from './deadline.ts';
import type { Check, CheckEnd } from './grpcCheck.ts';
import { check } from './grpcCheck.ts';
import type { ProbeHandler } from './handler.ts';
import { NO_POD_IP, USER_AGENT_VERSION } from './handler.ts';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 1000;
const USER_AGENT = `kube-probe/${USER_AGENT_VERSION}`;

/** grpc: healthy when Health/Check answers SERVING. Within the timeout a refused connection is tried again, as gRPC clients do. */
export function grpcHandler(clock: Clock): ProbeHandler<'grpc'> {
  return async (action, { podIP, timeoutMs, signal }) => {
    if (podIP === '') return { result: 'unknown', error: NO_POD_IP };
    return new CheckLoop(podIP, action.port, action.service ?? '', timeoutMs, clock).run(signal);
  };
}

class CheckLoop {
  readonly #host: string;
  readonly #port: number;
  readonly #service: string;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #authority: string;
  #current: Check | undefined;
  #retry: Disposable | undefined;
  #settle: (attempt: Attempt) => void = () => {};

  constructor(host: string, port: number, service: string, timeoutMs: number, clock: Clock) {
    this.#host = host;
    this.#port = port;
    this.#service = service;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#authority = hostPort(host, port);
  }

  async run(signal: AbortSignal): Promise<Attempt> {
    const ended = new Promise<Attempt>((resolve) => {
      this.#settle = resolve;
    });
    const onAbort = () => this.#settle({ result: 'unknown', error: 'context canceled' });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else this.#try(FIRST_RETRY_MS);
    const timer = deadline(this.#clock, this.#timeoutMs, () => this.#settle(this.#timeout()));
    const attempt = await ended;
    timer[Symbol.dispose]();
    this.#retry?.[Symbol.dispose]();
    signal.removeEventListener('abort', onAbort);
    this.#current?.cancel();
    return attempt;
  }

  #try(pauseMs: number): void {
    const current = check(this.#host, this.#port, this.#authority, this.#service, USER_AGENT);
    this.#current = current;
    void current.end.then((end) => {
      if (current !== this.#current) return;
      if (!('connect' in end)) return this.#settle(this.#judge(end));
      const next = Math.min(pauseMs * 1.6, LAST_RETRY_MS);
      this.#retry = this.#clock.setTimer(pauseMs, () => this.#try(next));
    });
  }

  #timeout(): Attempt {
    const after = formatDuration(this.#timeoutMs);
    const output = this.#current?.connected()
      ? `timeout: health rpc did not complete within ${after}`
      : `timeout: failed to connect service ${goQuote(this.#authority)} within ${after}: context deadline exceeded`;
    return { result: 'failure', output };
  }

  #judge(end: Exclude<CheckEnd, { connect: string }>): Attempt {
    if ('status' in end) {
      if (end.status === 'SERVING') return { result: 'success', output: 'service healthy' };
      return { result: 'failure', output: `service unhealthy (responded with ${goQuote(end.status)})` };
    }
    const { code, desc } = end;
    if (code === 'Unimplemented') {
      const output = `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${desc}`;
      return { result: 'failure', output };
    }
    if (code === 'DeadlineExceeded') return this.#timeout();
    return { result: 'failure', output: `error: health rpc probe failed: rpc error: code = ${code} desc = ${desc}` };
  }
}
