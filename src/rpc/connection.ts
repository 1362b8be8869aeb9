// One gRPC connection to a unix socket. Every call of the node agent to a runtime or a plug-in passes `unary` or `stream`.
import * as grpc from '@grpc/grpc-js';
import { MAX_TIMEOUT_MS } from '../lib/clock.ts';
import { callOptions, metadataOf } from './callMetadata.ts';
import { type CallSpan, callSpan } from './callSpan.ts';
import { ChannelSockets } from './channelSockets.ts';
import type { CallOptions, CallRecord, ConnectionOptions, StreamHandlers } from './connectionOptions.ts';
import { untilReady, watchConnectivity } from './connectivity.ts';
import type { RpcErrorClass } from './error.ts';
import { RpcError } from './error.ts';
import type { Codec, MethodCodec } from './protocol.ts';
import { socketTarget } from './socketTarget.ts';

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
    return untilReady(this.#client.getChannel(), timeoutMs, {
      signal,
      refusal: () => this.#refusal(signal),
      failure: (code, details) => new this.#errorClass('connect', { code, details }),
    });
  }

  /**
   * Connects, and connects again whenever the connection breaks (at most once a second), for as long as somebody watches: `onChange` is told
   * whether the server speaks gRPC, first of all when it is known. Never called from within this call.
   */
  watch(onChange: (connected: boolean) => void): Disposable {
    return watchConnectivity(this.#client.getChannel(), () => this.#closed, onChange);
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

/** While a handler is busy with a message, the stream gives no other one. */
function readOneByOne(call: grpc.ClientReadableStream<object>, handlers: StreamHandlers): void {
  call.on('data', (message: object) => {
    const busy = handlers.onMessage(message);
    if (!(busy instanceof Promise)) return;
    call.pause();
    void busy.finally(() => call.resume());
  });
}
