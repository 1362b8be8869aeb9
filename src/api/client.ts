import { arch, platform } from 'node:process';
import { type Clock, realClock, sleep } from '../lib/clock.ts';
import type { RateLimiter } from '../lib/limiter.ts';
import type { Tracing } from '../tracing/spans.ts';
import type { KubeObject } from '../types/k8s.ts';
import { type ApiError, ApiUnreachableError, apiErrorFrom } from './apiError.ts';
import type { ConnectionConfig } from './connection.ts';
import { type Kind, type KindMap, RESOURCES, resourcePath } from './resources.ts';
import { type HttpRequest, type HttpResponse, Transport } from './transport.ts';
import { admit, decodeWatch, type Prepare, type WatchEvent } from './watch.ts';

/** Names one object; `namespace` only for namespaced kinds. */
export interface ObjectRef {
  readonly namespace?: string;
  readonly name: string;
}

export interface ApiCallOptions {
  readonly signal?: AbortSignal;
  /** For the whole call with its retries. Default 30 s. */
  readonly timeoutMs?: number;
  /** How often an answer with Retry-After (429, 5xx) is tried again within the timeout; default 10, as client-go. */
  readonly maxRetries?: number;
}
export interface WriteOptions extends ApiCallOptions {
  readonly subresource?: string;
  readonly fieldManager?: string;
}
export interface DeleteOptions extends ApiCallOptions {
  readonly gracePeriodSeconds?: number;
  /** Preconditions: the delete answers 409 when the object is another one by now. */
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
}
export interface Selector {
  readonly namespace?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}
export interface ListOptions extends Selector, ApiCallOptions {
  readonly resourceVersion?: string;
  readonly limit?: number;
  readonly continue?: string;
}
export interface ListResult<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continue: string | undefined;
}
export interface WatchOptions<T> extends Selector {
  readonly resourceVersion?: string;
  readonly timeoutSeconds?: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: WatchEvent<T>) => void;
  /** The server accepted the watch. */
  readonly onOpen?: () => void;
  readonly prepare?: Prepare<T>;
}
export type PatchType = 'strategic' | 'merge' | 'json' | 'apply';

export interface ClientOptions {
  readonly clock?: Clock;
  readonly version?: string;
  /** Holds back calls (never watches). */
  readonly limiter?: RateLimiter;
  readonly pingIntervalMs?: number;
  /** Hears of the end of each call (not of watches), retries counted singly: for metrics. Must not throw. */
  readonly observe?: (call: ObservedCall) => void;
  /** Each request, watches too, is a span that the server is told of. */
  readonly tracing?: Tracing | undefined;
}
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

const PATCH_CONTENT: Record<PatchType, string> = {
  strategic: 'application/strategic-merge-patch+json',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
};
const TIMEOUT_MS = 30_000;
const MAX_RETRIES = 10;

/** The User-Agent; servers and audit logs tell components apart by its first word. */
export function userAgent(version = '0.1.0'): string {
  return `kubelet/v1.36.3 (${platform}/${arch === 'x64' ? 'amd64' : arch}) kubelet-ts/${version}`;
}

/**
 * The node's client to the Kubernetes API. Every method rejects with ApiError (the server said no) or ApiUnreachableError
 * (nobody answered in time), or with the reason of an aborted signal. Objects come back frozen and without managedFields.
 */
export class ApiClient implements AsyncDisposable {
  readonly transport: Transport;
  readonly #clock: Clock;
  readonly #limiter: RateLimiter | undefined;
  readonly #observe: ((call: ObservedCall) => void) | undefined;

  constructor(connection: ConnectionConfig | Transport, options: ClientOptions = {}) {
    this.#clock = options.clock ?? realClock;
    this.#limiter = options.limiter;
    this.#observe = options.observe;
    this.transport =
      connection instanceof Transport
        ? connection
        : new Transport(connection, {
            clock: this.#clock,
            userAgent: userAgent(options.version),
            tracing: options.tracing,
            ...(options.pingIntervalMs === undefined ? null : { pingIntervalMs: options.pingIntervalMs }),
          });
  }

  /** A client on the same connections with its own rate limit, as events have. */
  withLimiter(limiter: RateLimiter | undefined): ApiClient {
    const observe = this.#observe ? { observe: this.#observe } : null;
    return new ApiClient(this.transport, { clock: this.#clock, ...(limiter ? { limiter } : null), ...observe });
  }

  get<K extends Kind>(
    kind: K,
    ref: ObjectRef,
    options: ApiCallOptions & { resourceVersion?: string } = {},
  ): Promise<KindMap[K]> {
    const query = queryOf({ resourceVersion: options.resourceVersion });
    return this.#object('GET', resourcePath(kind, ref.namespace, ref.name) + query, undefined, options);
  }

  async list<K extends Kind>(kind: K, options: ListOptions = {}): Promise<ListResult<KindMap[K]>> {
    return this.listPrepared(kind, options);
  }

  /** As `list`, with a hook that sees each object before it is frozen. */
  async listPrepared<K extends Kind>(
    kind: K,
    options: ListOptions,
    prepare?: Prepare<KindMap[K]>,
  ): Promise<ListResult<KindMap[K]>> {
    const { namespace, fieldSelector, labelSelector, resourceVersion, limit } = options;
    const query = queryOf({ fieldSelector, labelSelector, resourceVersion, limit, continue: options.continue });
    const list = (await this.json('GET', resourcePath(kind, namespace) + query, undefined, options)) as {
      metadata?: { resourceVersion?: string; continue?: string };
      items?: KindMap[K][] | null;
    };
    return {
      items: (list.items ?? []).map((item) => admit(item as KubeObject, prepare as Prepare<KubeObject>) as KindMap[K]),
      resourceVersion: list.metadata?.resourceVersion ?? '',
      continue: list.metadata?.continue || undefined,
    };
  }

  create<K extends Kind>(
    kind: K,
    object: KindMap[K],
    options: WriteOptions & { namespace?: string } = {},
  ): Promise<KindMap[K]> {
    const namespace = options.namespace ?? (object as KubeObject).metadata?.namespace;
    const path = resourcePath(kind, namespace) + queryOf({ fieldManager: options.fieldManager });
    return this.#object('POST', path, withType(kind, object), options);
  }

  /** POST to a subresource: `token`, `eviction`, `binding`. */
  async createSub<Result>(
    kind: Kind,
    ref: ObjectRef,
    subresource: string,
    body: object,
    options: ApiCallOptions = {},
  ): Promise<Result> {
    return (await this.json('POST', resourcePath(kind, ref.namespace, ref.name, subresource), body, options)) as Result;
  }

  update<K extends Kind>(kind: K, object: KindMap[K], options: WriteOptions = {}): Promise<KindMap[K]> {
    const meta = (object as KubeObject).metadata;
    const path = resourcePath(kind, meta?.namespace, meta?.name ?? '', options.subresource);
    return this.#object('PUT', path + queryOf({ fieldManager: options.fieldManager }), withType(kind, object), options);
  }

  patch<K extends Kind>(
    kind: K,
    ref: ObjectRef,
    type: PatchType,
    patch: object,
    options: WriteOptions & { force?: boolean } = {},
  ): Promise<KindMap[K]> {
    const path = resourcePath(kind, ref.namespace, ref.name, options.subresource);
    const query = queryOf({ fieldManager: options.fieldManager, force: options.force });
    return this.#object('PATCH', path + query, patch, options, PATCH_CONTENT[type]);
  }

  /** Resolves when the server accepted; an object with grace or finalizers still exists then. */
  async delete(kind: Kind, ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    const { gracePeriodSeconds, uid, resourceVersion, propagationPolicy } = options;
    const preconditions = uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion };
    const body = { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds, preconditions, propagationPolicy };
    await this.json('DELETE', resourcePath(kind, ref.namespace, ref.name), body, options);
  }

  /** Deletes every object that the selector names, and with an empty one all of the kind. */
  async deleteCollection(kind: Kind, options: Selector & ApiCallOptions): Promise<void> {
    const { namespace, fieldSelector, labelSelector } = options;
    const query = queryOf({ fieldSelector, labelSelector });
    await this.json(
      'DELETE',
      resourcePath(kind, namespace) + query,
      { kind: 'DeleteOptions', apiVersion: 'v1' },
      options,
    );
  }

  /**
   * Runs one watch. Resolves when the server ends it, which is normal; rejects with ApiError (status 410: list again) or
   * ApiUnreachableError. Events arrive in order.
   */
  async watch<K extends Kind>(kind: K, options: WatchOptions<KindMap[K]>): Promise<void> {
    const { namespace, fieldSelector, labelSelector, resourceVersion, timeoutSeconds } = options;
    const query = queryOf({
      watch: true,
      allowWatchBookmarks: true,
      fieldSelector,
      labelSelector,
      resourceVersion,
      timeoutSeconds,
    });
    const path = resourcePath(kind, namespace) + query;
    const headers = { accept: 'application/json' };
    const open = (signal: AbortSignal) =>
      this.transport.request({ method: 'GET', path, lane: 'watch', headers, signal });
    // The server must accept within the time of a call; afterwards silence is normal and pings guard the connection.
    const head = new AbortController();
    const timer = this.#clock.setTimer(TIMEOUT_MS, () => head.abort(timedOut(`watch ${path}`, TIMEOUT_MS)));
    const signal = AbortSignal.any([options.signal, head.signal]);
    try {
      const response = await open(signal);
      timer[Symbol.dispose]();
      if (response.status >= 400) throw await errorOf(response, `watch ${path}`);
      options.onOpen?.();
      type Item = KindMap[K] & KubeObject;
      await decodeWatch<Item>(response.chunks(), options.onEvent, options.prepare as Prepare<Item> | undefined);
    } finally {
      timer[Symbol.dispose]();
    }
  }

  /** Any path of the API server; resolves with the parsed JSON of a 2xx answer. Not frozen. */
  async json(
    method: HttpRequest['method'],
    path: string,
    body?: object,
    options: ApiCallOptions = {},
    type?: string,
  ): Promise<unknown> {
    const text = await this.#call(method, path, body, options, type);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new ApiUnreachableError(
        `${method} ${path}: the answer is not JSON; is this an API server?`,
        'ApiUnreachable',
        cause,
      );
    }
  }

  /** The text of a 2xx answer: health endpoints. */
  text(path: string, options: ApiCallOptions = {}): Promise<string> {
    return this.#call('GET', path, undefined, options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.transport[Symbol.asyncDispose]();
  }

  async #object<T>(
    method: HttpRequest['method'],
    path: string,
    body: object | undefined,
    options: ApiCallOptions,
    type?: string,
  ) {
    return admit((await this.json(method, path, body, options, type)) as T & KubeObject) as T;
  }

  async #call(
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
      const wait =
        response.header('retry-after') === undefined || !error.retryable ? undefined : (error.retryAfterMs ?? 1000);
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
      const response = await this.transport.request(request);
      code = String(response.status);
      return response;
    } finally {
      const bytes = this.#observe && request.body !== undefined ? Buffer.byteLength(request.body) : 0;
      this.#observe?.({ method, path, code, bytes, ms: this.#clock.now().mono - started, ...about });
    }
  }
}

function timedOut(what: string, ms: number): ApiUnreachableError {
  return new ApiUnreachableError(`${what}: no answer within ${ms / 1000} s`, 'ApiTimeout');
}

async function errorOf(response: HttpResponse, what: string): Promise<ApiError> {
  return apiErrorFrom(response.status, await response.text(), response.header('retry-after'), what);
}

function withType<K extends Kind>(kind: K, object: KindMap[K]): object {
  return { apiVersion: RESOURCES[kind].apiVersion, kind, ...object };
}

function queryOf(values: Record<string, string | number | boolean | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query}`;
}
