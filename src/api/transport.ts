import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import { errorMessage } from '../lib/errors.ts';
import { ApiUnreachableError } from './apiError.ts';
import { type Channel, type ChannelOptions, H1Channel, H2Channel, MOVED, STREAMS } from './channel.ts';
import { ChannelResponse } from './channelResponse.ts';
import { authorizer, type ConnectionConfig, tlsOptions } from './connection.ts';
import type { HttpRequest, HttpResponse, Lane, TransportOptions } from './http.ts';
import { type RequestSpan, requestSpan } from './requestSpan.ts';

const H1_CALL_CONNECTIONS = 16;

/** Connections to one API server: HTTP/2 where the server has it, else HTTP/1.1. Credentials can be replaced while it runs. */
export class Transport implements AsyncDisposable {
  readonly #options: TransportOptions;
  #config: ConnectionConfig;
  #url: URL;
  #authorization: () => Promise<string | undefined>;
  #lanes: Record<Lane, Channel[]> = { call: [], watch: [] };
  readonly #all = new Set<Channel>();
  #protocol: Promise<'h2' | 'h1'> | undefined;
  #connector: buildConnector.connector;
  #spare: Socket | TLSSocket | undefined;
  #closed = false;
  #streams = STREAMS;

  constructor(config: ConnectionConfig, options: TransportOptions) {
    this.#options = options;
    this.#config = config;
    this.#url = new URL(config.server);
    this.#authorization = authorizer(config, options.clock);
    this.#connector = this.#makeConnector();
  }

  /** Sends a request and resolves with the answer's head. Rejects with ApiUnreachableError, or the signal's reason on abort. */
  async request(request: HttpRequest): Promise<HttpResponse> {
    const { tracing } = this.#options;
    const span = tracing && requestSpan(tracing, request.method, this.#url, request.path);
    for (;;) {
      try {
        return await this.#send(request, span);
      } catch (error) {
        if (error === MOVED) continue;
        const failure = this.#failure(request, error);
        span?.failed(failure);
        throw failure;
      }
    }
  }

  /**
   * Replaces server, trust or credentials. New requests use the new ones at once; running requests and watches end in their own
   * time on the old connections, so a certificate rotation interrupts nothing.
   */
  setConfig(config: ConnectionConfig): void {
    this.#config = config;
    this.#url = new URL(config.server);
    this.#authorization = authorizer(config, this.#options.clock);
    this.#connector = this.#makeConnector();
    this.#protocol = undefined;
    this.#streams = STREAMS;
    this.#dropSpare();
    for (const channel of this.#all) channel.retire();
    this.#lanes = { call: [], watch: [] };
  }

  /** Ends every connection now, e.g. when the server revoked the credentials. Running requests fail as unreachable. */
  dropConnections(reason: string): void {
    this.#dropSpare();
    for (const channel of this.#all) channel.kill(new ApiUnreachableError(reason, 'ApiUnreachable'));
    this.#all.clear();
    this.#lanes = { call: [], watch: [] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.dropConnections('the API client was closed');
  }

  async #send(request: HttpRequest, span: RequestSpan | undefined): Promise<HttpResponse> {
    const authorization = await this.#authorization();
    const channel = await this.#pick(request.lane);
    const response = await channel.request({
      method: request.method,
      path: this.#url.pathname.replace(/\/$/, '') + request.path,
      headers: {
        'user-agent': this.#options.userAgent,
        ...(authorization === undefined ? null : { authorization }),
        ...(span && { traceparent: span.traceparent }),
        ...request.headers,
      },
      body: request.body ?? null,
      signal: request.signal ?? null,
    });
    span?.answered(response.statusCode);
    response.body.once('close', () => span?.end());
    return new ChannelResponse(response, channel, (error) => this.#failure(request, error));
  }

  /** A channel with a place reserved on it. */
  async #pick(lane: Lane): Promise<Channel> {
    this.#protocol ??= this.#negotiate();
    const negotiating = this.#protocol;
    let protocol: 'h1' | 'h2';
    try {
      protocol = await negotiating;
    } catch (error) {
      if (this.#protocol === negotiating) this.#protocol = undefined;
      throw error;
    }
    if (this.#closed) throw new ApiUnreachableError('the API client is closed', 'ApiUnreachable');
    const channel = this.#lanes[lane].find((each) => each.open) ?? this.#open(lane, protocol);
    channel.reserve();
    return channel;
  }

  #open(lane: Lane, protocol: 'h1' | 'h2'): Channel {
    const options: ChannelOptions = {
      origin: this.#url.origin,
      connect: this.#connector,
      clock: this.#options.clock,
      pingIntervalMs: this.#options.pingIntervalMs ?? 5000,
      onClosed: (closed) => this.#forget(closed),
      streams: this.#streams,
      onStreamLimit: (streams) => {
        this.#streams = Math.min(this.#streams, streams);
      },
    };
    const channel =
      protocol === 'h2' ? new H2Channel(options) : new H1Channel(options, lane === 'call' ? H1_CALL_CONNECTIONS : null);
    this.#lanes[lane].push(channel);
    this.#all.add(channel);
    return channel;
  }

  #forget(channel: Channel): void {
    for (const lane of ['call', 'watch'] as const) this.#lanes[lane] = this.#lanes[lane].filter((c) => c !== channel);
    if (channel.active === 0) this.#all.delete(channel);
  }

  #makeConnector(): buildConnector.connector {
    const connect = buildConnector({
      ...tlsOptions(this.#config),
      allowH2: true,
      preferH2: true,
      timeout: this.#options.connectTimeoutMs ?? 10_000,
      keepAlive: true,
      keepAliveInitialDelay: 15_000,
    });
    const connector: buildConnector.connector = (options, callback) => {
      const spare = this.#spare;
      this.#spare = undefined;
      if (!spare || spare.destroyed || this.#connector !== connector) {
        spare?.destroy();
        connect(options, callback);
        return;
      }
      spare.removeListener('error', ignore);
      callback(null, spare as TLSSocket);
    };
    return connector;
  }

  /** Opens the first connection to learn the protocol; the first channel then uses it. */
  #negotiate(): Promise<'h2' | 'h1'> {
    if (this.#url.protocol === 'http:') return Promise.resolve('h1');
    const { hostname, host, protocol, port } = this.#url;
    const connector = this.#connector;
    return new Promise((resolve, reject) => {
      connector({ hostname: hostname.replace(/^\[|\]$/g, ''), host, protocol, port }, (error, socket) => {
        if (error) return reject(error);
        if (this.#connector !== connector || this.#closed) {
          socket.destroy();
        } else {
          socket.on('error', ignore);
          this.#spare = socket;
        }
        resolve((socket as TLSSocket).alpnProtocol === 'h2' ? 'h2' : 'h1');
      });
    });
  }

  #dropSpare(): void {
    this.#spare?.destroy();
    this.#spare = undefined;
  }

  #failure(request: HttpRequest, error: unknown): unknown {
    if (request.signal?.aborted) return request.signal.reason;
    if (error instanceof ApiUnreachableError) return error;
    const what = `${request.method} ${this.#url.origin}${request.path.split('?')[0]}`;
    return new ApiUnreachableError(`${what}: ${errorMessage(error)}`, 'ApiUnreachable', error);
  }
}

function ignore(): void {}
