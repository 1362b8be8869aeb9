import { arch, platform } from 'node:process';
import { type Clock, realClock } from '../lib/clock.ts';
import type { RateLimiter } from '../lib/limiter.ts';
import type { KubeObject } from '../types/k8s.ts';
import { ApiCalls, type ObservedCall } from './apiCalls.ts';
import {
  type ApiCallOptions,
  type ClientOptions,
  type DeleteOptions,
  type ListOptions,
  type ListResult,
  type ObjectRef,
  PATCH_CONTENT,
  type PatchType,
  type Selector,
  type WatchOptions,
  type WriteOptions,
} from './callOptions.ts';
import type { ConnectionConfig } from './connection.ts';
import type { HttpRequest } from './http.ts';
import { type Kind, type KindMap, queryOf, RESOURCES, resourcePath } from './resources.ts';
import { runWatch } from './runWatch.ts';
import { Transport } from './transport.ts';
import { admit, type Prepare } from './watch.ts';

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
  readonly #calls: ApiCalls;
  readonly #observe: ((call: ObservedCall) => void) | undefined;

  constructor(connection: ConnectionConfig | Transport, options: ClientOptions = {}) {
    this.#clock = options.clock ?? realClock;
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
    const { limiter, observe } = options;
    this.#calls = new ApiCalls({ transport: this.transport, clock: this.#clock, limiter, observe });
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
    const body = { kind: 'DeleteOptions', apiVersion: 'v1' };
    await this.json('DELETE', resourcePath(kind, namespace) + query, body, options);
  }

  /**
   * Runs one watch. Resolves when the server ends it, which is normal; rejects with ApiError (status 410: list again) or
   * ApiUnreachableError. Events arrive in order.
   */
  async watch<K extends Kind>(kind: K, options: WatchOptions<KindMap[K]>): Promise<void> {
    const { namespace, fieldSelector, labelSelector, resourceVersion, timeoutSeconds } = options;
    const asked = { fieldSelector, labelSelector, resourceVersion, timeoutSeconds };
    const query = queryOf({ watch: true, allowWatchBookmarks: true, ...asked });
    const path = resourcePath(kind, namespace) + query;
    type Item = KindMap[K] & KubeObject;
    const { signal, onEvent, onOpen } = options;
    const prepare = options.prepare as Prepare<Item> | undefined;
    return runWatch<Item>(this.transport, this.#clock, path, { signal, onEvent, onOpen, prepare });
  }

  /** Any path of the API server; resolves with the parsed JSON of a 2xx answer. Not frozen. */
  async json(
    method: HttpRequest['method'],
    path: string,
    body?: object,
    options: ApiCallOptions = {},
    type?: string,
  ): Promise<unknown> {
    return this.#calls.json(method, path, body, options, type);
  }

  /** The text of a 2xx answer: health endpoints. */
  text(path: string, options: ApiCallOptions = {}): Promise<string> {
    return this.#calls.text('GET', path, undefined, options);
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
}

function withType<K extends Kind>(kind: K, object: KindMap[K]): object {
  return { apiVersion: RESOURCES[kind].apiVersion, kind, ...object };
}
