// What a gRPC server of ours answers with: one table of handlers for each service.
import type { EventEmitter } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import { bounded } from '../lib/bounded.ts';
import { errorMessage } from '../lib/errors.ts';
import { Encoded } from './encoded.ts';
import { RpcError } from './error.ts';
import type { MethodCodec, MethodName, MethodTypes, Protocol, ServiceName } from './protocol.ts';

/** What a call brings besides its request. */
export interface ServedCall {
  /** Aborted when the client cancelled, its deadline passed, or its connection broke. */
  readonly signal: AbortSignal;
  /** Milliseconds that the client gave when the call arrived; Infinity: no deadline. */
  readonly timeoutMs: number;
}

/** Where a server stream's answers go. */
export interface ReplyStream<Reply> {
  /** Sends one answer. Resolves when there is room for the next: a slow reader holds its writer, not our memory. */
  send(reply: Reply): Promise<void>;
}

/**
 * Answers of one service; a method without a handler is Unimplemented. What a handler rejects with becomes the call's status: of a
 * RpcStatus or RpcError its code, of anything else Unknown, as with Go's servers. A stream ends when its handler's promise settles.
 */
export type Handlers<Services, S extends ServiceName<Services>> = {
  [M in MethodName<Services, S>]?: MethodTypes<Services, S, M>['stream'] extends true
    ? (
        request: MethodTypes<Services, S, M>['received'],
        call: ServedCall,
        out: ReplyStream<MethodTypes<Services, S, M>['reply']>,
      ) => Promise<void>
    : (
        request: MethodTypes<Services, S, M>['received'],
        call: ServedCall,
      ) => MethodTypes<Services, S, M>['reply'] | Encoded | Promise<MethodTypes<Services, S, M>['reply'] | Encoded>;
};

type AnyHandler = (
  request: object,
  call: ServedCall,
  out?: ReplyStream<object>,
) => object | undefined | Promise<object | undefined>;

/** An answer that is an error: thrown by handlers, seen by the client as an error with this code and text. */
export class RpcStatus extends Error {
  readonly code: grpc.status;

  constructor(code: grpc.status, message: string) {
    super(message);
    this.code = code;
  }
}

/** A service as a server takes it. */
export interface ServedService {
  readonly definition: grpc.ServiceDefinition;
  readonly implementation: grpc.UntypedServiceImplementation;
}

/** Puts handlers to the methods of one service of a protocol. */
export function serveService<Services, S extends ServiceName<Services>>(
  protocol: Protocol<Services>,
  service: S,
  handlers: Handlers<Services, S>,
): ServedService {
  const definition: Record<string, grpc.MethodDefinition<object, object>> = {};
  const implementation: grpc.UntypedServiceImplementation = {};
  for (const name of protocol.methods(service)) {
    const codec = protocol.method(service, name);
    const handler = (handlers as Record<string, AnyHandler | undefined>)[name];
    definition[name] = methodDefinition(codec);
    implementation[name] = codec.stream ? streamHandler(name, handler) : unaryHandler(name, handler);
  }
  return { definition, implementation };
}

function unaryHandler(name: string, handler: AnyHandler | undefined): grpc.handleUnaryCall<object, object> {
  return async (call, callback) => {
    try {
      callback(null, (await handlerOf(name, handler)(call.request, servedCall(call))) ?? {});
    } catch (error) {
      callback(statusOf(error));
    }
  };
}

function streamHandler(name: string, handler: AnyHandler | undefined): grpc.handleServerStreamingCall<object, object> {
  return async (call) => {
    const served = servedCall(call);
    try {
      await handlerOf(name, handler)(call.request, served, { send: (reply) => send(call, served.signal, reply) });
      call.end();
    } catch (error) {
      call.emit('error', statusOf(error));
    }
  };
}

function handlerOf(name: string, handler: AnyHandler | undefined): AnyHandler {
  if (!handler) throw new RpcStatus(grpc.status.UNIMPLEMENTED, `method ${name} not implemented`);
  return handler;
}

function servedCall(call: EventEmitter & { getDeadline(): grpc.Deadline }): ServedCall {
  const ended = new AbortController();
  call.on('cancelled', () => ended.abort());
  call.on('close', () => ended.abort());
  return { signal: ended.signal, timeoutMs: Number(call.getDeadline()) - Date.now() };
}

async function send(
  call: grpc.ServerWritableStream<object, object>,
  signal: AbortSignal,
  reply: object,
): Promise<void> {
  signal.throwIfAborted();
  if (call.write(reply)) return;
  await new Promise<void>((resolve, reject) => {
    const gone = () => {
      call.off('drain', drained);
      reject(signal.reason);
    };
    const drained = () => {
      signal.removeEventListener('abort', gone);
      resolve();
    };
    call.once('drain', drained);
    signal.addEventListener('abort', gone, { once: true });
  });
}

function statusOf(error: unknown): { code: grpc.status; details: string } {
  const details = bounded(errorMessage(error));
  if (error instanceof RpcStatus) return { code: error.code, details };
  if (error instanceof RpcError) return { code: error.grpcCode, details };
  return { code: grpc.status.UNKNOWN, details };
}

function methodDefinition(codec: MethodCodec): grpc.MethodDefinition<object, object> {
  return {
    path: codec.path,
    requestStream: false,
    responseStream: codec.stream,
    requestSerialize: codec.request.encode,
    requestDeserialize: codec.request.decode,
    responseSerialize: (reply) => (reply instanceof Encoded ? reply.bytes : codec.response.encode(reply)),
    responseDeserialize: codec.response.decode,
  };
}
