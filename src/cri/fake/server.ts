// The socket of the fake runtime: gRPC over connections that tests can break at will.
import { type RpcServer, startRpcServer } from '../../rpc/server.ts';
import { type ReplyStream, type ServedCall, type ServedService, serveService } from '../../rpc/service.ts';
import { type CriServiceName, criProtocol } from '../protocol.ts';

/** Answers one RPC; rejecting with an error that has a `code` answers with it. */
export type Answer = (method: string, request: object, call: ServedCall) => Promise<object>;
export type ServeStream = (
  method: string,
  request: object,
  call: ServedCall,
  out: ReplyStream<object>,
) => Promise<void>;

const SERVICES: CriServiceName[] = [
  'runtime.v1.RuntimeService',
  'runtime.v1.ImageService',
  'containerd.services.content.v1.Content',
  'containerd.services.tasks.v1.Tasks',
];
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** A gRPC server that can lose its connections, go down and come up again. */
export class FakeServer {
  readonly #path: string;
  readonly #services: ServedService[];
  #server: RpcServer | undefined;

  constructor(path: string, answer: Answer, serveStream: ServeStream) {
    this.#path = path;
    this.#services = SERVICES.map((service) => everyMethod(service, answer, serveStream));
  }

  /** Listens; rejects if the path cannot be bound. */
  async up(): Promise<void> {
    this.#server = await startRpcServer({
      path: this.#path,
      services: this.#services,
      maxMessageBytes: MAX_MESSAGE_BYTES,
      maxCallsPerConnection: 2 ** 31 - 1,
    });
  }

  /** Breaks every connection; new ones are welcome. */
  dropConnections(): void {
    this.#server?.dropConnections();
  }

  /** Stops listening (the socket file vanishes) and breaks every connection. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.close();
  }
}

function everyMethod(service: CriServiceName, answer: Answer, serveStream: ServeStream): ServedService {
  const handlers = criProtocol
    .methods(service)
    .map((name) => [
      name,
      criProtocol.method(service, name).stream
        ? (request: object, call: ServedCall, out: ReplyStream<object>) => serveStream(name, request, call, out)
        : (request: object, call: ServedCall) => answer(name, request, call),
    ]);
  return serveService(criProtocol, service, Object.fromEntries(handlers));
}
