import * as grpc from '@grpc/grpc-js';
import { type ReceivedSpan, readRequest } from './otlpSchema.ts';

const EXPORT = {
  path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  requestStream: false,
  responseStream: false,
  requestSerialize: (bytes: Buffer) => bytes,
  requestDeserialize: (bytes: Buffer) => bytes,
  responseSerialize: (bytes: Buffer) => bytes,
  responseDeserialize: (bytes: Buffer) => bytes,
};

/** How a test collector answers. `never`: it hangs. */
export type ReceiverAnswer = 'ok' | 'never' | grpc.status;

/** A collector of traces: OTLP over gRPC. */
export interface Receiver extends AsyncDisposable {
  /** `host:port`, or the socket. */
  readonly endpoint: string;
  readonly spans: readonly ReceivedSpan[];
  /** How many spans each request brought. */
  readonly batches: readonly number[];
  /** How many calls came, answered or not. */
  readonly calls: number;
  answer: ReceiverAnswer;
  /** Resolves with the spans as soon as `found` is true of them. */
  until(found: (spans: readonly ReceivedSpan[]) => boolean): Promise<readonly ReceivedSpan[]>;
}

/** Listens at `address`, `127.0.0.1:0` by default. `onSpans` hears of each batch. */
export async function startReceiver(
  address = '127.0.0.1:0',
  onSpans: (spans: readonly ReceivedSpan[]) => void = () => {},
): Promise<Receiver> {
  const [spans, batches] = [[] as ReceivedSpan[], [] as number[]];
  const waiting = new Set<() => void>();
  const server = new grpc.Server();
  const state = { answer: 'ok' as ReceiverAnswer, calls: 0 };
  server.addService(
    { export: EXPORT },
    {
      export: (call: grpc.ServerUnaryCall<Buffer, Buffer>, reply: grpc.sendUnaryData<Buffer>) => {
        state.calls++;
        if (typeof state.answer === 'number') reply({ code: state.answer, details: 'as the test wants' });
        else if (state.answer === 'ok') {
          const batch = readRequest(call.request);
          spans.push(...batch);
          batches.push(batch.length);
          onSpans(batch);
          reply(null, Buffer.alloc(0));
        }
        for (const look of waiting) look();
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return {
    endpoint: address.startsWith('unix:') ? address : address.replace(/:\d+$/, `:${port}`),
    spans,
    batches,
    get calls() {
      return state.calls;
    },
    get answer() {
      return state.answer;
    },
    set answer(answer) {
      state.answer = answer;
    },
    until: (found) =>
      new Promise((resolve) => {
        const look = () => {
          if (!found(spans)) return;
          waiting.delete(look);
          resolve(spans);
        };
        waiting.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
    },
  };
}
