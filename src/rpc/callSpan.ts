import * as grpc from '@grpc/grpc-js';
import type { Tracing } from '../tracing/spans.ts';

/** The span of one call. */
export interface CallSpan {
  readonly traceparent: string;
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
  return {
    traceparent: span.traceparent,
    end(status) {
      const code = status?.code ?? grpc.status.OK;
      span.set({ 'rpc.response.status_code': CODE_NAMES[code] ?? `Code(${code})` });
      if (code !== grpc.status.OK) span.fail(status?.details ?? '');
      span.end();
    },
  };
}
