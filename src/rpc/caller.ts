// The typed way from a call group to a connection.
import type { Connection } from './connection.ts';
import type { CallOptions } from './connectionOptions.ts';
import type { Codec, MethodName, MethodTypes, Protocol, ServiceName } from './protocol.ts';

/** What each public method takes last: an abort signal, and a deadline of the caller's own. */
export interface RpcCallOptions {
  signal?: AbortSignal | undefined;
  /** Replaces the method's default deadline; 0: none. */
  timeoutMs?: number | undefined;
}

/** Sends RPCs of one service; a client's call groups are written in terms of it. */
export interface Caller<Services, S extends ServiceName<Services>> {
  /** The deadline of an ordinary call, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** One request, one answer. Rejects with the connection's error class. `decode` replaces the method's own decoder of the answer. */
  unary<M extends MethodName<Services, S>>(
    method: M,
    request: MethodTypes<Services, S, M>['request'],
    options?: RpcCallOptions,
    defaultTimeoutMs?: number,
    decode?: Codec['decode'],
  ): Promise<MethodTypes<Services, S, M>['response']>;
  /** One request, a stream of answers, all collected; partial results are thrown away. Rejects with the connection's error class. */
  collect<M extends MethodName<Services, S>>(
    method: M,
    request: MethodTypes<Services, S, M>['request'],
    options?: RpcCallOptions,
  ): Promise<MethodTypes<Services, S, M>['response'][]>;
}

/** A Caller over `connection`. `metadata` goes with every call. */
export function createCaller<Services, S extends ServiceName<Services>>(
  connection: Connection,
  protocol: Protocol<Services>,
  service: S,
  requestTimeoutMs: number,
  metadata?: Record<string, string>,
): Caller<Services, S> {
  const complete = (options: RpcCallOptions | undefined, defaultTimeoutMs: number): CallOptions => ({
    timeoutMs: options?.timeoutMs ?? defaultTimeoutMs,
    ...(options?.signal && { signal: options.signal }),
    ...(metadata && { metadata }),
  });
  return {
    requestTimeoutMs,
    async unary(method, request, options, defaultTimeoutMs = requestTimeoutMs, decode = undefined) {
      return (await connection.unary(
        protocol.method(service, method),
        request,
        complete(options, defaultTimeoutMs),
        decode,
      )) as never;
    },
    collect(method, request, options) {
      return new Promise((resolve, reject) => {
        const all: object[] = [];
        connection.stream(
          protocol.method(service, method),
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
