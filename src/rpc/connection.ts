// One gRPC connection to a unix socket. Every call of the node agent to a runtime or a plug-in passes `unary` or `stream`.
import * as grpc from '@grpc/grpc-js';
import { MAX_TIMEOUT_MS } from '../lib/clock.ts';
import { socketPathProblem } from '../lib/linux/unixAddress.ts';
import type { Tracing } from '../tracing/spans.ts';
import { type CallSpan, callSpan } from './callSpan.ts';
import { ChannelSockets } from './channelSockets.ts';
import type { RpcErrorClass } from './error.ts';
import { RpcError } from './error.ts';
import type { Codec, MethodCodec } from './protocol.ts';

/** What the hook of a connection learns of each call that ended. Times are performance.now() milliseconds. */
export interface CallRecord {
  method: string;
  startMono: number;
  endMono: number;
  error: RpcError | undefined;
}

/** How a call is made. */
export interface CallOptions {
  /** Milliseconds until DeadlineExceeded; 0 or absent: none. */
  timeoutMs?: number;
  /** Aborting cancels the call; the outcome then is unknown (an unsettled RpcError). */
  signal?: AbortSignal;
  metadata?: Record<string, string>;
}

/** Who hears of a stream's messages and its end. */
export interface StreamHandlers {
  /** One that returns a promise holds the next message back until it has settled: a fast sender fills no memory. It must not reject. */
  onMessage(message: object): unknown;
  /** Called exactly once; without an error the server closed the stream in order. */
  onEnd(error: RpcError | undefined): void;
}

/** Who is called, and what is accepted of him. */
export interface ConnectionOptions {
  /** `unix:///path` or an absolute path. */
  endpoint: string;
  /** Who is called, as sentences name it: `runtime`, `plug-in`. */
  peer: string;
  /** What failed calls reject with. Default: RpcError itself. */
  errorClass?: RpcErrorClass | undefined;
  /** Longest message that is sent or accepted, in bytes; a longer one is ResourceExhausted. Default: 16 MiB. */
  maxMessageBytes?: number | undefined;
  /** Longest answer that is accepted, where that is less than may be sent: what is read blocks everything else. */
  maxAnswerBytes?: number | undefined;
  /** Most fields of an answer, at all depths; one with more is not decoded, and its call is Internal. Default: any number. */
  maxParts?: number | undefined;
  /** Called after every call; must not throw. */
  onCall?: ((record: CallRecord) => void) | undefined;
  /** Makes a span of each call of a service that `traces`, and tells the server of it. */
  tracing?: Tracing | undefined;
  /** Default: all services. */
  traces?: ((path: string) => boolean) | undefined;
}

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024; // as the kubelet; grpc-js's own 4 MB is about 2,700 containers
const CHANNEL_OPTIONS: grpc.ChannelOptions = {
  // One connection carries lists and events: a large list that is being read must not hold events up in a runtime.
  'grpc-node.flow_control_window': 4 * 1024 * 1024,
  'grpc.client_idle_timeout_ms': MAX_TIMEOUT_MS,
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 1000,
  'grpc.enable_retries': 0, // the caller decides what may be sent twice
  'grpc.service_config_disable_resolution': 1,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
};

/** A connection that re-opens itself: after the socket vanished, calls fail at once with Unavailable until it is back. */
export class Connection implements Disposable {
  readonly endpoint: string;
  readonly #peer: string;
  readonly #errorClass: RpcErrorClass;
  readonly #maxParts: number;
  readonly #sockets = new ChannelSockets();
  #client: grpc.Client;
  #onCall: ((record: CallRecord) => void) | undefined;
  readonly #span: (method: MethodCodec) => CallSpan | undefined;
  #active = new Set<{ cancel(): void }>();
  #closed = false;

  /** Throws on an endpoint that nobody can connect to. Does not connect: the first call does. */
  constructor(options: ConnectionOptions) {
    this.endpoint = options.endpoint;
    this.#onCall = options.onCall;
    const { tracing, traces } = options;
    this.#span = (method) =>
      tracing && (traces?.(method.path) ?? true) ? callSpan(tracing, method.path, options.endpoint) : undefined;
    this.#peer = options.peer;
    this.#errorClass = options.errorClass ?? RpcError;
    this.#maxParts = options.maxParts ?? Number.POSITIVE_INFINITY;
    const bytes = options.maxMessageBytes ?? MAX_MESSAGE_BYTES;
    this.#client = new grpc.Client(socketTarget(options.endpoint, options.peer), this.#sockets.credentials, {
      ...CHANNEL_OPTIONS,
      'grpc.max_receive_message_length': options.maxAnswerBytes ?? bytes,
      'grpc.max_send_message_length': bytes,
    });
  }

  /**
   * Resolves once the server speaks gRPC, trying again until then: a socket is there a moment before its server listens. Rejects with
   * the connection's error class: DeadlineExceeded after `timeoutMs`, Canceled, or Unavailable when closed meanwhile.
   */
  ready(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const deadline = Date.now() + Math.min(timeoutMs, MAX_TIMEOUT_MS);
    const channel = this.#client.getChannel();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let over = false;
    const end = (code: grpc.status, details: string) => {
      if (over) return;
      over = true;
      signal?.removeEventListener('abort', aborted);
      if (code === grpc.status.OK) resolve();
      else reject(new this.#errorClass('connect', { code, details }));
    };
    const aborted = () => end(grpc.status.CANCELLED, 'the connection is no longer wanted');
    const look = (late?: Error) => {
      const refused = this.#refusal(signal);
      if (refused) return end(refused.code, refused.details);
      if (over) return;
      if (late) return end(grpc.status.DEADLINE_EXCEEDED, `no gRPC server answered within ${timeoutMs} ms`);
      const state = channel.getConnectivityState(true);
      if (state === grpc.connectivityState.READY) end(grpc.status.OK, '');
      else channel.watchConnectivityState(state, deadline, look);
    };
    signal?.addEventListener('abort', aborted, { once: true });
    look();
    return promise;
  }

  /**
   * Connects, and connects again whenever the connection breaks (at most once a second), for as long as somebody watches: `onChange` is told
   * whether the server speaks gRPC, first of all when it is known. Never called from within this call.
   */
  watch(onChange: (connected: boolean) => void): Disposable {
    const channel = this.#client.getChannel();
    let over = false;
    let known: boolean | undefined;
    const look = () => {
      if (over || this.#closed) return;
      const state = channel.getConnectivityState(true);
      const connected = state === grpc.connectivityState.READY;
      if (connected !== known && (connected || state === grpc.connectivityState.TRANSIENT_FAILURE || known)) {
        known = connected;
        onChange(connected);
      }
      if (!over && !this.#closed) channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look);
    };
    queueMicrotask(look);
    return {
      [Symbol.dispose]() {
        over = true;
      },
    };
  }

  /** Sends one request. Rejects with the connection's error class, and with nothing else. `decode` replaces the method's own response decoder. */
  unary(
    method: MethodCodec,
    request: object,
    options: CallOptions,
    decode: Codec['decode'] = method.response.decode,
  ): Promise<object> {
    const startMono = performance.now();
    const span = this.#span(method);
    return new Promise((resolve, reject) => {
      let release = () => {};
      const done = (error: grpc.ServiceError | null, response?: object) => {
        release();
        span?.end(error);
        const failed = error ? new this.#errorClass(method.name, error) : undefined;
        this.#record(method.name, startMono, failed);
        if (failed) reject(failed);
        else resolve(response ?? {});
      };
      const refused = this.#refusal(options.signal);
      if (refused) {
        done(refused);
        return;
      }
      const codec = this.#codec(method, decode, span);
      const call = this.#client.makeUnaryRequest(
        method.path,
        codec.encode,
        codec.decode,
        request,
        metadataOf(options, span),
        callOptions(options),
        done,
      );
      release = this.#track(call, options.signal);
    });
  }

  /** Opens a server stream; the returned function cancels it. `decode` replaces the method's own response decoder. */
  stream(
    method: MethodCodec,
    request: object,
    handlers: StreamHandlers,
    options: CallOptions,
    decode: Codec['decode'] = method.response.decode,
  ): () => void {
    const startMono = performance.now();
    const span = this.#span(method);
    let release = () => {};
    let ended = false;
    const end = (error: grpc.StatusObject | undefined) => {
      if (ended) return;
      ended = true;
      release();
      span?.end(error);
      const failed = error && error.code !== grpc.status.OK ? new this.#errorClass(method.name, error) : undefined;
      this.#record(method.name, startMono, failed);
      handlers.onEnd(failed);
    };
    const refused = this.#refusal(options.signal);
    if (refused) {
      queueMicrotask(() => end(refused));
      return () => {};
    }
    const codec = this.#codec(method, decode, span);
    const call = this.#client.makeServerStreamRequest(
      method.path,
      codec.encode,
      codec.decode,
      request,
      metadataOf(options, span),
      callOptions(options),
    );
    release = this.#track(call, options.signal);
    readOneByOne(call, handlers);
    for (const last of ['error', 'status']) call.on(last, end);
    return () => call.cancel();
  }

  /** Cancels what is under way and closes the socket. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const call of this.#active) call.cancel();
    this.#client.close();
    this.#sockets[Symbol.dispose]();
  }

  #codec(method: MethodCodec, decode: Codec['decode'], span: CallSpan | undefined): Pick<Codec, 'encode' | 'decode'> {
    const counted = this.#counted(method, decode);
    return span?.watched(method, counted) ?? { encode: method.request.encode, decode: counted };
  }

  #counted({ response }: MethodCodec, decode: Codec['decode']): Codec['decode'] {
    const most = this.#maxParts;
    if (most === Number.POSITIVE_INFINITY) return decode;
    return (bytes) => {
      if (response.parts(bytes, most) > most)
        throw new Error(`the ${this.#peer} answered with more than ${most} fields`);
      return decode(bytes);
    };
  }

  #refusal(signal: AbortSignal | undefined): grpc.ServiceError | undefined {
    if (!this.#closed && !signal?.aborted) return undefined;
    const details = this.#closed
      ? `the connection to the ${this.#peer} is closed`
      : 'the call was aborted before it was sent';
    return Object.assign(new Error(details), {
      code: this.#closed ? grpc.status.UNAVAILABLE : grpc.status.CANCELLED,
      details,
      metadata: new grpc.Metadata(),
    });
  }

  #track(call: { cancel(): void }, signal: AbortSignal | undefined): () => void {
    const cancel = () => call.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    this.#active.add(call);
    return () => {
      signal?.removeEventListener('abort', cancel);
      this.#active.delete(call);
    };
  }

  #record(method: string, startMono: number, error: RpcError | undefined): void {
    this.#onCall?.({ method, startMono, endMono: performance.now(), error });
  }
}

function metadataOf(options: CallOptions, span: CallSpan | undefined): grpc.Metadata {
  const metadata = new grpc.Metadata();
  if (span) metadata.set('traceparent', span.traceparent);
  for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
  return metadata;
}

function callOptions(options: CallOptions): grpc.CallOptions {
  const ms = options.timeoutMs ?? 0;
  return ms > 0 && ms < MAX_TIMEOUT_MS ? { deadline: Date.now() + ms } : {};
}

/** The gRPC target of an endpoint. Throws on anything but a unix socket that can be connected to; `peer` says in that sentence whose endpoint it is. */
export function socketTarget(endpoint: string, peer: string): string {
  const path = endpoint.replace(/^unix:(?:\/\/(?=\/)|(?=\/(?!\/)))/, '');
  if (!path.startsWith('/')) {
    throw new Error(
      `${peer} endpoint "${endpoint}" is no unix socket; write it as unix:///run/containerd/containerd.sock`,
    );
  }
  const problem = socketPathProblem(path);
  if (problem) throw new Error(`the path of the ${peer} endpoint "${endpoint}" ${problem}`);
  return `unix:${path}`;
}

/** While a handler is busy with a message, the stream gives no other one. */
function readOneByOne(call: grpc.ClientReadableStream<object>, handlers: StreamHandlers): void {
  call.on('data', (message: object) => {
    const busy = handlers.onMessage(message);
    if (!(busy instanceof Promise)) return;
    call.pause();
    void busy.finally(() => call.resume());
  });
}
