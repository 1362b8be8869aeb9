import { type Clock, sleep } from '../lib/clock.ts';
import type { RateLimiter } from '../lib/limiter.ts';
import { type ApiError, ApiUnreachableError, apiErrorFrom } from './apiError.ts';
import type { ApiCallOptions } from './callOptions.ts';
import type { HttpRequest, HttpResponse } from './http.ts';
import type { Transport } from './transport.ts';

/** How long a call may take by default, in ms. */
export const TIMEOUT_MS = 30_000;
const MAX_RETRIES = 10;

/** One request that was made, for metrics. */
export interface ObservedCall {
  readonly method: string;
  readonly path: string;
  /** The HTTP status, or `<error>` as client-go's metrics say when no answer came. */
  readonly code: string;
  /** Until the head of the answer. */
  readonly ms: number;
  /** Of the request's body. */
  readonly bytes: number;
  /** How long it waited for the client's own limit. */
  readonly waitedMs: number;
  /** The same call was sent before. */
  readonly retry: boolean;
}

/** What calls are made with. */
export interface ApiCallsOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly limiter?: RateLimiter | undefined;
  readonly observe?: ((call: ObservedCall) => void) | undefined;
}

/**
 * Calls to the API server: each within its time, held back by the client's own limit, tried again where the server asks for that, and
 * observed. Rejects with ApiError (the server said no), ApiUnreachableError (nobody answered in time) or the reason of an aborted signal.
 */
export class ApiCalls {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #limiter: RateLimiter | undefined;
  readonly #observe: ((call: ObservedCall) => void) | undefined;

  constructor({ transport, clock, limiter, observe }: ApiCallsOptions) {
    this.#transport = transport;
    this.#clock = clock;
    this.#limiter = limiter;
    this.#observe = observe;
  }

  /** Resolves with the parsed JSON of a 2xx answer, not frozen; `text` says the rest. */
  async json(
    method: HttpRequest['method'],
    path: string,
    body: object | undefined,
    options: ApiCallOptions,
    type?: string,
  ): Promise<unknown> {
    const text = await this.text(method, path, body, options, type);
    try {
      return JSON.parse(text);
    } catch (cause) {
      const message = `${method} ${path}: the answer is not JSON; is this an API server?`;
      throw new ApiUnreachableError(message, 'ApiUnreachable', cause);
    }
  }

  /** Resolves with the text of a 2xx answer. `type`: of the body, JSON by default. */
  async text(
    method: HttpRequest['method'],
    path: string,
    body: object | undefined,
    options: ApiCallOptions,
    type?: string,
  ) {
    const what = `${method} ${path.split('?')[0]}`;
    const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    const deadline = this.#clock.now().mono + timeoutMs;
    const late = new AbortController();
    using _timer = this.#clock.setTimer(timeoutMs, () => late.abort(timedOut(what, timeoutMs)));
    const signal = options.signal ? AbortSignal.any([options.signal, late.signal]) : late.signal;
    const headers = {
      accept: 'application/json',
      ...(body === undefined ? null : { 'content-type': type ?? 'application/json' }),
    };
    const encoded = body === undefined ? undefined : JSON.stringify(body);
    for (let retry = 0; ; retry++) {
      const asked = this.#clock.now().mono;
      await this.#limiter?.acquire(signal);
      const about = { waitedMs: this.#clock.now().mono - asked, retry: retry > 0 };
      const request: HttpRequest = {
        method,
        path,
        lane: 'call',
        headers,
        signal,
        ...(encoded === undefined ? null : { body: encoded }),
      };
      const response = await this.#send(request, about);
      if (response.status < 400) return response.text();
      const error = await errorOf(response, what);
      const wait = waitFor(error, response);
      const tooLate = wait === undefined || this.#clock.now().mono + wait >= deadline;
      if (tooLate || retry >= (options.maxRetries ?? MAX_RETRIES)) throw error;
      await sleep(this.#clock, wait, signal);
    }
  }

  /** A read is sent once more when its connection turns out to be dead: after an outage that is the rule, not the exception. */
  async #send(request: HttpRequest, about: Pick<ObservedCall, 'waitedMs' | 'retry'>): Promise<HttpResponse> {
    try {
      return await this.#observed(request, about);
    } catch (error) {
      if (request.method !== 'GET' || request.signal?.aborted || !(error instanceof ApiUnreachableError)) throw error;
      return this.#observed(request, { waitedMs: 0, retry: true });
    }
  }

  async #observed(request: HttpRequest, about: Pick<ObservedCall, 'waitedMs' | 'retry'>): Promise<HttpResponse> {
    const { method, path } = request;
    const started = this.#clock.now().mono;
    let code = '<error>';
    try {
      const response = await this.#transport.request(request);
      code = String(response.status);
      return response;
    } finally {
      const bytes = this.#observe && request.body !== undefined ? Buffer.byteLength(request.body) : 0;
      this.#observe?.({ method, path, code, bytes, ms: this.#clock.now().mono - started, ...about });
    }
  }
}

/** Nobody answered `what` within this time. */
export function timedOut(what: string, ms: number): ApiUnreachableError {
  return new ApiUnreachableError(`${what}: no answer within ${ms / 1000} s`, 'ApiTimeout');
}

/** Reads why the server said no. */
export async function errorOf(response: HttpResponse, what: string): Promise<ApiError> {
  return apiErrorFrom(response.status, await response.text(), response.header('retry-after'), what);
}

/** In how many ms the server wants to be asked again; undefined: it does not. */
function waitFor(error: ApiError, response: HttpResponse): number | undefined {
  if (response.header('retry-after') === undefined || !error.retryable) return undefined;
  return error.retryAfterMs ?? 1000;
}
