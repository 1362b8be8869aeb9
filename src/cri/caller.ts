// The typed way from a call group to a connection.
import type { Codec, MethodName, MethodTypes, ServiceName } from './codec.ts';
import { methodCodec } from './codec.ts';
import type { CallOptions, Connection } from './connection.ts';

/** What each public method takes last: an abort signal, and a deadline of the caller's own. */
export interface CriCallOptions {
  signal?: AbortSignal | undefined;
  /** Replaces the method's default deadline; 0: none. */
  timeoutMs?: number | undefined;
}

/** Sends RPCs of one service; the client's call groups are written in terms of it. */
export interface Caller<S extends ServiceName> {
  /** The deadline of an ordinary call, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** One request, one answer. Rejects with CriError. `decode` replaces the method's own decoder of the answer. */
  unary<M extends MethodName<S>>(
    method: M,
    request: MethodTypes<S, M>['request'],
    options?: CriCallOptions,
    defaultTimeoutMs?: number,
    decode?: Codec['decode'],
  ): Promise<MethodTypes<S, M>['response']>;
  /** One request, a stream of answers, all collected; partial results are thrown away. Rejects with CriError. */
  collect<M extends MethodName<S>>(
    method: M,
    request: MethodTypes<S, M>['request'],
    options?: CriCallOptions,
  ): Promise<MethodTypes<S, M>['response'][]>;
}

/** A Caller over `connection`. `metadata` goes with every call. */
export function createCaller<S extends ServiceName>(
  connection: Connection,
  service: S,
  requestTimeoutMs: number,
  metadata?: Record<string, string>,
): Caller<S> {
  const complete = (options: CriCallOptions | undefined, defaultTimeoutMs: number): CallOptions => ({
    timeoutMs: options?.timeoutMs ?? defaultTimeoutMs,
    ...(options?.signal && { signal: options.signal }),
    ...(metadata && { metadata }),
  });
  return {
    requestTimeoutMs,
    async unary(method, request, options, defaultTimeoutMs = requestTimeoutMs, decode = undefined) {
      return (await connection.unary(
        methodCodec(service, method),
        request,
        complete(options, defaultTimeoutMs),
        decode,
      )) as never;
    },
    collect(method, request, options) {
      return new Promise((resolve, reject) => {
        const all: object[] = [];
        connection.stream(
          methodCodec(service, method),
          request,
          {
            onMessage: (message) => all.push(message),
            onEnd: (error) => (error ? reject(error) : resolve(all as never)),
          },
          complete(options, requestTimeoutMs),
        );
      });
    },
  };
}

export type RuntimeCaller = Caller<'runtime.v1.RuntimeService'>;
export type ImageCaller = Caller<'runtime.v1.ImageService'>;
export type TasksCaller = Caller<'containerd.services.tasks.v1.Tasks'>;
export type ContentCaller = Caller<'containerd.services.content.v1.Content'>;
