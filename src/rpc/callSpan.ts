import * as grpc from '@grpc/grpc-js';
import type { Tracing } from '../tracing/spans.ts';
import type { Codec, MethodCodec } from './protocol.ts';

/** The span of one call. */
export interface CallSpan {
  readonly traceparent: string;
  /** The method, with each message told as it goes and comes. */
  watched(method: MethodCodec, decode: Codec['decode']): Pick<Codec, 'encode' | 'decode'>;
  /** The call is over; without an error, or with the status OK, it succeeded. */
  end(status: Pick<grpc.StatusObject, 'code' | 'details'> | null | undefined): void;
}

/** grpc-go's names of the codes, as otelgrpc 0.65 writes them: `DeadlineExceeded`. */
const CODE_NAMES: Readonly<Record<number, string>> = {
  [grpc.status.OK]: 'OK',
  [grpc.status.CANCELLED]: 'Canceled',
  [grpc.status.UNKNOWN]: 'Unknown',
  [grpc.status.INVALID_ARGUMENT]: 'InvalidArgument',
  [grpc.status.DEADLINE_EXCEEDED]: 'DeadlineExceeded',
  [grpc.status.NOT_FOUND]: 'NotFound',
  [grpc.status.ALREADY_EXISTS]: 'AlreadyExists',
  [grpc.status.PERMISSION_DENIED]: 'PermissionDenied',
  [grpc.status.RESOURCE_EXHAUSTED]: 'ResourceExhausted',
  [grpc.status.FAILED_PRECONDITION]: 'FailedPrecondition',
  [grpc.status.ABORTED]: 'Aborted',
  [grpc.status.OUT_OF_RANGE]: 'OutOfRange',
  [grpc.status.UNIMPLEMENTED]: 'Unimplemented',
  [grpc.status.INTERNAL]: 'Internal',
  [grpc.status.UNAVAILABLE]: 'Unavailable',
  [grpc.status.DATA_LOSS]: 'DataLoss',
  [grpc.status.UNAUTHENTICATED]: 'Unauthenticated',
};

/** Begins the span of one call, with the name and attributes of otelgrpc: `runtime.v1.RuntimeService/RunPodSandbox`. */
export function callSpan(tracing: Tracing, path: string, endpoint: string): CallSpan {
  const name = path.slice(1);
  const span = tracing.start(name, {
    kind: 'client',
    attributes: {
      'rpc.system.name': 'grpc',
      'rpc.method': name,
      'server.address': endpoint.replace(/^unix:(?:\/\/)?/, ''),
    },
  });
  const ids = { SENT: 0, RECEIVED: 0 };
  const message = (type: keyof typeof ids, bytes: number) =>
    span.event('message', {
      'rpc.message.type': type,
      'rpc.message.id': ++ids[type],
      'rpc.message.compressed_size': bytes,
      'rpc.message.uncompressed_size': bytes,
    });
  return {
    traceparent: span.traceparent,
    watched: ({ request }, decode) => ({
      encode(sent) {
        const bytes = request.encode(sent);
        message('SENT', bytes.length);
        return bytes;
      },
      decode(bytes) {
        message('RECEIVED', bytes.length);
        return decode(bytes);
      },
    }),
    end(status) {
      const code = status?.code ?? grpc.status.OK;
      span.set({ 'rpc.response.status_code': CODE_NAMES[code] ?? `Code(${code})` });
      if (code !== grpc.status.OK) span.fail(status?.details ?? '');
      span.end();
    },
  };
}
