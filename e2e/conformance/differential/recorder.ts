import { rmSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import { type CriServiceName, criProtocol } from '../../../src/cri/protocol.ts';

/** One call of the kubelet, as it arrived. */
export interface RecordedCall {
  /** Milliseconds since the epoch. */
  at: number;
  method: string;
  request: object;
  /** What was answered to a call that makes something: its id. */
  id?: string;
}

const services: readonly CriServiceName[] = [
  'runtime.v1.RuntimeService',
  'runtime.v1.ImageService',
  'containerd.services.content.v1.Content',
];
const raw = (bytes: Buffer): Buffer => bytes;
const options = {
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  'grpc.max_send_message_length': 64 * 1024 * 1024,
};

function madeId(answer: object): string | undefined {
  const { containerId, podSandboxId } = answer as { containerId?: string; podSandboxId?: string };
  return containerId || podSandboxId || undefined;
}

/** A runtime socket that hands every call to another one, bytes unchanged, and writes down the requests. */
export class CriRecorder {
  readonly calls: RecordedCall[] = [];
  private readonly server = new grpc.Server(options);
  private readonly client: grpc.Client;

  constructor(target: string) {
    this.client = new grpc.Client(`unix://${target}`, grpc.credentials.createInsecure(), options);
    for (const service of services) this.add(service);
  }

  /** Listens at a socket path; rejects if it cannot be bound. */
  async listen(socket: string): Promise<void> {
    rmSync(socket, { force: true });
    await new Promise<void>((resolve, reject) => {
      const done = (error: Error | null): void => (error ? reject(error) : resolve());
      this.server.bindAsync(`unix://${socket}`, grpc.ServerCredentials.createInsecure(), done);
    });
  }

  /** Breaks every connection. */
  close(): void {
    this.server.forceShutdown();
    this.client.close();
  }

  private add(service: CriServiceName): void {
    const definition: Record<string, grpc.MethodDefinition<Buffer, Buffer>> = {};
    const handlers: grpc.UntypedServiceImplementation = {};
    for (const name of criProtocol.methods(service)) {
      const codec = criProtocol.method(service, name);
      definition[name] = {
        path: codec.path,
        requestStream: false,
        responseStream: codec.stream,
        requestSerialize: raw,
        requestDeserialize: raw,
        responseSerialize: raw,
        responseDeserialize: raw,
      };
      handlers[name] = codec.stream
        ? (call: grpc.ServerWritableStream<Buffer, Buffer>) => this.stream(codec.path, call)
        : (call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
            const recorded: RecordedCall = {
              at: Date.now(),
              method: name,
              request: codec.request.decode(call.request),
            };
            this.calls.push(recorded);
            this.unary(codec.path, call, (error, answer) => {
              const id = answer ? madeId(codec.response.decode(answer)) : undefined;
              if (id !== undefined) recorded.id = id;
              done(error, answer);
            });
          };
    }
    this.server.addService(definition, handlers);
  }

  private unary(path: string, call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>): void {
    const deadline = call.getDeadline();
    const sent = this.client.makeUnaryRequest(
      path,
      raw,
      raw,
      call.request,
      call.metadata,
      { deadline },
      (error, answer) => done(error, answer ?? null),
    );
    call.on('cancelled', () => sent.cancel());
  }

  private stream(path: string, call: grpc.ServerWritableStream<Buffer, Buffer>): void {
    const source = this.client.makeServerStreamRequest(path, raw, raw, call.request, call.metadata);
    source.on('data', (chunk: Buffer) => call.write(chunk));
    source.on('end', () => call.end());
    source.on('error', (error) => call.destroy(error));
    call.on('cancelled', () => source.cancel());
  }
}
