import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { StatusDetails } from '../../types/k8s.ts';
import type { ConnectionConfig } from '../connection.ts';
import { type Identity, TestAuthority } from './certificates.ts';
import { type Fault, Faults } from './faults.ts';
import { bindPod, type HandlerContext, handle, type ReviewHooks } from './handlers.ts';
import { FakeObjects } from './objects.ts';
import { type ApiRequest, parsePath, verbOf } from './request.ts';
import { Refusal } from './rules.ts';
import { matcher } from './selectors.ts';
import { type EventType, Storage } from './storage.ts';
import { Wire } from './wire.ts';

export interface FakeOptions {
  /** HTTPS with HTTP/2 as real servers speak it; otherwise plain HTTP/1.1, which starts faster. */
  readonly tls?: boolean;
  /** With tls: whether HTTP/2 is offered (default) or only HTTP/1.1. */
  readonly http2?: boolean;
  /** Streams a connection; kube-apiserver's default is 100. */
  readonly maxStreams?: number;
  /** Wall clock of the server, for deletion and token times. */
  readonly now?: () => number;
}

type Request = IncomingMessage | Http2ServerRequest;
/** Node's HTTP/2 server speaks the same interface; its types only say it differently. */
type Response = ServerResponse;

/** An API server in this process for tests: one file per concern, this one only listens and dispatches. */
export class FakeApiServer implements AsyncDisposable {
  readonly storage = new Storage();
  readonly faults = new Faults();
  /** Every request, in order of arrival. */
  readonly requests: ApiRequest[] = [];
  /** HTTP/2 pings received, on all connections. */
  pings = 0;
  readonly objects: FakeObjects;
  readonly hooks: ReviewHooks = {
    tokenReview: () => ({ authenticated: false }),
    subjectAccessReview: () => ({ allowed: false }),
  };
  readonly authority: TestAuthority | undefined;
  readonly #identity: Identity | undefined;
  readonly #context: HandlerContext;
  readonly #server: Server;
  readonly #watches = new Set<() => void>();
  readonly #sessions = new Set<ServerHttp2Session>();
  #wire: Wire | undefined;

  private constructor(options: FakeOptions) {
    this.#context = { storage: this.storage, now: options.now ?? Date.now, hooks: this.hooks };
    this.objects = new FakeObjects(this.#context);
    const onRequest = (request: Request, response: Response) => void this.#serve(request, response);
    if (options.tls) {
      this.authority = new TestAuthority();
      this.#identity = this.authority.issue('fake-apiserver');
      const tls = {
        ...this.#identity,
        ca: this.authority.ca,
        requestCert: true,
        rejectUnauthorized: false,
        allowHTTP1: true,
      };
      const settings = { maxConcurrentStreams: options.maxStreams ?? 100 };
      const alpn = options.http2 === false ? { ALPNProtocols: ['http/1.1'] } : null;
      this.#server = createSecureServer({ ...tls, settings, ...alpn }, onRequest as never) as unknown as Server;
      this.#server.on('session', (session: ServerHttp2Session) => {
        this.#sessions.add(session);
        session.on('ping', () => this.pings++);
        session.once('close', () => this.#sessions.delete(session));
      });
    } else {
      this.#server = createHttp({ keepAliveTimeout: 60_000 }, onRequest as never);
    }
  }

  /** Starts listening on loopback. */
  static async start(options: FakeOptions = {}): Promise<FakeApiServer> {
    const fake = new FakeApiServer(options);
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    fake.#wire = new Wire((fake.#server.address() as AddressInfo).port);
    await fake.#wire.start();
    return fake;
  }

  get url(): string {
    return `${this.authority ? 'https' : 'http'}://127.0.0.1:${this.#wire!.port}`;
  }

  /** What a client needs to connect. */
  get connection(): ConnectionConfig {
    return { server: this.url, ...(this.authority ? { ca: this.authority.ca } : null) };
  }

  /** Network faults: blackhole, cut, stop and start. */
  get wire(): Wire {
    return this.#wire!;
  }

  /** How many watches are being served. */
  get watches(): number {
    return this.#watches.size;
  }

  /** Ends every watch as a server does whose time limit for it is over. */
  endWatches(): void {
    for (const end of [...this.#watches]) end();
  }

  /** Asks the clients of all HTTP/2 connections to leave, as a server does that shuts down or balances load; streams go on. */
  goaway(): void {
    for (const session of this.#sessions) session.goaway();
  }

  /** Adds a fault; dispose to take it away. */
  fail(fault: Fault): Disposable {
    return this.faults.add(fault);
  }

  /** The requests of a verb and kind so far. */
  seen(verb: ApiRequest['verb'], kind?: ApiRequest['kind'], subresource?: string): ApiRequest[] {
    return this.requests.filter(
      (r) => r.verb === verb && r.kind === kind && (!subresource || r.subresource === subresource),
    );
  }

  /**
   * Binds a Pod and for `ms` answers 403 for Secrets and ConfigMaps, as the Node authorizer does until it has seen the Pod.
   */
  bindWithLateAuthorizer(namespace: string, name: string, node: string, ms: number): void {
    const until = performance.now() + ms;
    const kinds = new Set(['Secret', 'ConfigMap', 'PersistentVolumeClaim', 'ServiceAccount']);
    this.faults.add({
      match: (request) => kinds.has(request.kind ?? '') && performance.now() < until,
      status: 403,
      reason: 'Forbidden',
      message: `User "system:node:${node}" cannot read the object: no relationship found between node '${node}' and this object`,
    });
    bindPod(this.#context, this.storage.get('Pod', namespace, name)!, node);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.endWatches();
    await this.#wire?.stop();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      (this.#server as { closeAllConnections?: () => void }).closeAllConnections?.();
    });
  }

  async #serve(request: Request, response: Response): Promise<void> {
    try {
      const parsed = await this.#parse(request);
      this.requests.push(parsed);
      const fault = this.faults.take(parsed);
      if (fault?.latencyMs !== undefined) await new Promise((resolve) => setTimeout(resolve, fault.latencyMs));
      if (fault?.hang) return;
      if (fault?.status !== undefined)
        return refuse(response, fault.status, fault.reason, fault.message, fault.retryAfterSeconds);
      if (parsed.kind === undefined)
        return answer(response, 200, { kind: 'Status', apiVersion: 'v1', status: 'Success' });
      if (parsed.verb === 'watch') return this.#watch(parsed, response);
      const { status, body } = handle(this.#context, parsed);
      if (fault?.loseAnswer) request.socket.destroy();
      else answer(response, status, body);
    } catch (error) {
      if (error instanceof Refusal)
        refuse(response, error.status, error.reason, error.message, undefined, error.details);
      else refuse(response, 500, 'InternalError', String((error as Error).stack));
    }
  }

  async #parse(request: Request): Promise<ApiRequest> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', 'http://fake');
    const text = Buffer.concat(chunks).toString('utf8');
    const target = parsePath(url.pathname);
    const method = request.method ?? 'GET';
    const peer = (request.socket as TLSSocket).getPeerCertificate?.();
    return {
      kind: undefined,
      namespace: undefined,
      name: undefined,
      subresource: undefined,
      ...target,
      verb: verbOf(method, target?.name, url.searchParams.get('watch') === 'true'),
      method,
      path: url.pathname,
      query: url.searchParams,
      contentType: request.headers['content-type'] ?? '',
      headers: request.headers,
      body: text === '' ? undefined : JSON.parse(text),
      clientName: peer?.subject?.CN as string | undefined,
      at: performance.now(),
    };
  }

  #watch(request: ApiRequest, response: Response): void {
    const { query, kind, namespace } = request;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders?.();
    const seconds = Number(query.get('timeoutSeconds') ?? 0);
    let subscription: Disposable | undefined;
    const end = () => {
      if (!this.#watches.delete(end)) return;
      clearTimeout(timer);
      subscription?.[Symbol.dispose]();
      response.end();
    };
    const timer = seconds > 0 ? setTimeout(end, seconds * 1000) : undefined;
    this.#watches.add(end);
    const send = (type: EventType, object: unknown) => {
      if (!response.writable) return;
      response.write(`${JSON.stringify({ type, object })}\n`);
      if (type === 'ERROR') setImmediate(end);
    };
    const matches = matcher(query.get('fieldSelector'), query.get('labelSelector'));
    subscription = this.storage.watch({ kind: kind!, namespace, matches, send }, query.get('resourceVersion') ?? '');
    response.on('close', end);
  }
}

function answer(response: Response, status: number, body: object, headers: Record<string, string> = {}): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

function refuse(
  response: Response,
  status: number,
  reason = 'Unknown',
  message = 'scripted fault',
  retryAfter?: number,
  details?: StatusDetails,
): void {
  const failure = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code: status };
  const body = details ? { ...failure, details } : failure;
  answer(response, status, body, retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) });
}
