// The socket of the fake runtime: gRPC over connections that tests can break at will.
import type { Server as NetServer, Socket } from 'node:net';
import { createServer } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import type { MethodCodec, ServiceName } from '../codec.ts';
import { methodCodec, serviceMethods } from '../codec.ts';

/** What a call brings besides its request. `timeoutMs`: what is left until its deadline, or Infinity. */
export interface CallContext {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}
/** Answers one RPC; rejecting with an error that has a `code` answers with it. */
export type Answer = (method: string, request: object, context: CallContext) => Promise<object>;
export type ServeStream = (method: string, stream: grpc.ServerWritableStream<object, object>) => void;

const SERVICES: ServiceName[] = [
  'runtime.v1.RuntimeService',
  'runtime.v1.ImageService',
  'containerd.services.content.v1.Content',
  'containerd.services.tasks.v1.Tasks',
];

/** A gRPC server that can lose its connections, go down and come up again. */
export class FakeServer {
  readonly #path: string;
  readonly #answer: Answer;
  readonly #serveStream: ServeStream;
  readonly #sockets = new Set<Socket>();
  #grpc: grpc.Server | undefined;
  #net: NetServer | undefined;

  constructor(path: string, answer: Answer, serveStream: ServeStream) {
    this.#path = path;
    this.#answer = answer;
    this.#serveStream = serveStream;
  }

  /** Listens; rejects if the path cannot be bound. */
  async up(): Promise<void> {
    const server = new grpc.Server({
      'grpc.max_receive_message_length': 64 * 1024 * 1024,
      'grpc.max_send_message_length': 64 * 1024 * 1024,
    });
    for (const service of SERVICES) this.#addService(server, service);
    const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
    const net = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      injector.injectConnection(socket);
    });
    await new Promise<void>((resolve, reject) => {
      net.once('error', reject);
      net.listen(this.#path, () => resolve());
    });
    this.#grpc = server;
    this.#net = net;
  }

  /** Breaks every connection; new ones are welcome. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Stops listening (the socket file vanishes) and breaks every connection. */
  async down(): Promise<void> {
    const net = this.#net;
    if (!net) return;
    this.#net = undefined;
    const closed = new Promise<void>((resolve) => net.close(() => resolve()));
    this.dropConnections();
    this.#grpc?.forceShutdown();
    await closed;
  }

  #addService(server: grpc.Server, service: ServiceName): void {
    const definition: grpc.ServiceDefinition = {};
    const implementation: grpc.UntypedServiceImplementation = {};
    for (const name of serviceMethods(service)) {
      const codec = methodCodec(service, name);
      (definition as Record<string, grpc.MethodDefinition<object, object>>)[name] = methodDefinition(codec);
      implementation[name] = codec.stream ? this.#streamHandler(name) : this.#unaryHandler(name);
    }
    server.addService(definition, implementation);
  }

  #unaryHandler(name: string): grpc.handleUnaryCall<object, object> {
    return (call, callback) => {
      const cancelled = new AbortController();
      call.on('cancelled', () => cancelled.abort());
      this.#answer(name, call.request, { signal: cancelled.signal, timeoutMs: timeLeft(call) }).then(
        (reply) => callback(null, reply),
        (error: Error & { code?: number }) =>
          callback({ code: error.code ?? grpc.status.INTERNAL, details: error.message }),
      );
    };
  }

  #streamHandler(name: string): grpc.handleServerStreamingCall<object, object> {
    return (call) => this.#serveStream(name, call);
  }
}

/** Milliseconds until the deadline of a call that has just arrived; Infinity without one. */
export function timeLeft(call: { getDeadline(): grpc.Deadline }): number {
  return Number(call.getDeadline()) - Date.now();
}

function methodDefinition(codec: MethodCodec): grpc.MethodDefinition<object, object> {
  return {
    path: codec.path,
    requestStream: false,
    responseStream: codec.stream,
    requestSerialize: codec.request.encode,
    requestDeserialize: codec.request.decode,
    responseSerialize: codec.response.encode,
    responseDeserialize: codec.response.decode,
  };
}
