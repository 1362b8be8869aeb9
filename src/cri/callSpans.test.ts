import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { failure } from '../lib/fake/until.ts';
import { MemoryTracing } from '../tracing/testing/memoryTracing.ts';
import { type CriOptions, connectCri } from './client.ts';

const raw = (path: string) => ({
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: (bytes: Buffer) => bytes,
  requestDeserialize: (bytes: Buffer) => bytes,
  responseSerialize: (bytes: Buffer) => bytes,
  responseDeserialize: (bytes: Buffer) => bytes,
});

/** A runtime that notes the traceparent of each call. */
async function runtime(more: Partial<CriOptions>) {
  const directory = await mkdtemp(join(tmpdir(), 'cri-spans-'));
  const path = join(directory, 's.sock');
  const told: (string | undefined)[] = [];
  const server = new grpc.Server();
  const note = (call: grpc.ServerUnaryCall<Buffer, Buffer>) =>
    void told.push(call.metadata.get('traceparent')[0]?.toString());
  server.addService(
    { version: raw('/runtime.v1.RuntimeService/Version'), remove: raw('/runtime.v1.RuntimeService/RemoveContainer') },
    {
      version: (call: grpc.ServerUnaryCall<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>) => {
        note(call);
        reply(null, Buffer.alloc(0));
      },
      remove: (call: grpc.ServerUnaryCall<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>) => {
        note(call);
        reply({ code: grpc.status.NOT_FOUND, details: 'no such container' });
      },
    },
  );
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix:${path}`, grpc.ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    ),
  );
  const cri = connectCri({ runtimeEndpoint: `unix://${path}`, ...more });
  return {
    cri,
    path,
    told,
    async [Symbol.asyncDispose]() {
      cri[Symbol.dispose]();
      server.forceShutdown();
      await rm(directory, { recursive: true });
    },
  };
}

test('a call is a span with otelgrpc’s names, in the span that is active, and the runtime is told of it', async () => {
  const tracing = new MemoryTracing();
  await using world = await runtime({ tracing });
  const parent = tracing.start('createSandbox');
  await tracing.within(parent, () => world.cri.version());
  const [span] = tracing.named('runtime.v1.RuntimeService/Version');
  expect(span).toMatchObject({ parent, recording: false, error: undefined, options: { kind: 'client' } });
  expect(span!.attributes).toEqual({
    'rpc.system.name': 'grpc',
    'rpc.method': 'runtime.v1.RuntimeService/Version',
    'server.address': world.path,
    'rpc.response.status_code': 'OK',
  });
  expect(world.told).toEqual([span!.traceparent]);
  const size = (bytes: number) => ({
    'rpc.message.compressed_size': bytes,
    'rpc.message.uncompressed_size': bytes,
  });
  expect(span!.events).toEqual([
    { name: 'message', 'rpc.message.type': 'SENT', 'rpc.message.id': 1, ...size(7) },
    { name: 'message', 'rpc.message.type': 'RECEIVED', 'rpc.message.id': 1, ...size(0) },
  ]);
});

test('a call that fails, and one that is never sent', async () => {
  const tracing = new MemoryTracing();
  await using world = await runtime({ tracing });
  await failure(world.cri.removeContainer('c'));
  const refused = await failure(world.cri.version({ signal: AbortSignal.abort() }));
  expect(refused).toBeInstanceOf(Error);
  const [removed, version] = tracing.spans;
  expect(removed).toMatchObject({ error: 'no such container', recording: false });
  expect(removed!.attributes['rpc.response.status_code']).toBe('NotFound');
  expect(version).toMatchObject({ recording: false });
  expect(version!.attributes['rpc.response.status_code']).toBe('Canceled');
});

test('without tracing nothing is told', async () => {
  await using world = await runtime({});
  await world.cri.version();
  expect(world.told).toEqual([undefined]);
});
