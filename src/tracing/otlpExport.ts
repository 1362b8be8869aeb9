import * as grpc from '@grpc/grpc-js';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { bounded } from '../lib/bounded.ts';
import { exportTarget } from './rules/endpoint.ts';

const METHOD = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
/** As Go's exporter: an attempt that takes longer has failed. */
const ATTEMPT_MS = 10_000;
/** What a collector may answer; ours are a few bytes. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** A collector did not take a batch. `again`: it may take it later. */
export class ExportError extends Error {
  readonly again: boolean;

  constructor(message: string, again: boolean) {
    super(bounded(message, 512));
    this.name = 'ExportError';
    this.again = again;
  }
}

/** These are tried again, as OTLP says. */
const PASSING: ReadonlySet<grpc.status> = new Set([
  grpc.status.CANCELLED,
  grpc.status.DEADLINE_EXCEEDED,
  grpc.status.ABORTED,
  grpc.status.OUT_OF_RANGE,
  grpc.status.UNAVAILABLE,
  grpc.status.DATA_LOSS,
  grpc.status.RESOURCE_EXHAUSTED,
]);

/** One collector, over OTLP in gRPC, without TLS as kubelet's. Connects with the first batch, and again whenever it must. */
export class OtlpExport implements Disposable {
  readonly #client: grpc.Client;

  constructor(endpoint: string) {
    this.#client = new grpc.Client(exportTarget(endpoint), grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
      'grpc.max_reconnect_backoff_ms': 30_000,
      'grpc.enable_retries': 0, // the queue tries again
      'grpc.use_local_subchannel_pool': 1,
      'grpc.service_config_disable_resolution': 1,
    });
  }

  /** Sends one batch. Resolves with the number of spans that the collector refused; rejects with ExportError. */
  send(spans: readonly ReadableSpan[]): Promise<number> {
    const body = Buffer.from(ProtobufTraceSerializer.serializeRequest([...spans]) ?? []);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#client.makeUnaryRequest(
      METHOD,
      (bytes: Buffer) => bytes,
      (bytes) => bytes,
      body,
      new grpc.Metadata(),
      { deadline: Date.now() + ATTEMPT_MS },
      (error, answer) => {
        if (error) reject(new ExportError(error.details, PASSING.has(error.code)));
        else resolve(refusedOf(answer));
      },
    );
    return promise;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

function refusedOf(answer: Buffer | undefined): number {
  try {
    const { partialSuccess } = ProtobufTraceSerializer.deserializeResponse(answer ?? Buffer.alloc(0));
    return Number(partialSuccess?.rejectedSpans ?? 0);
  } catch {
    return 0; // It took the batch; what else it says about it is not needed.
  }
}
