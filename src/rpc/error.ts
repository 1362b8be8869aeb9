// The one error type of gRPC calls.
import { status } from '@grpc/grpc-js';
import { bounded } from '../lib/bounded.ts';

/** A gRPC status as grpc-js hands it over. */
export interface GrpcStatus {
  code: number;
  details: string;
}

/** Makes the error of a failed call: `RpcError`, or the peer's own kind of it. */
export type RpcErrorClass = new (method: string, grpcStatus: GrpcStatus) => RpcError;

const UNSETTLED = new Set<number>([status.DEADLINE_EXCEEDED, status.UNAVAILABLE, status.CANCELLED]);

/**
 * A call that did not succeed. `message` is the server's own text, in at most 4 KiB. `settled` says whether the outcome is known: after
 * DeadlineExceeded, Unavailable, Cancelled or a stream that broke off, the server may still carry the call out, so only a read
 * sent afterwards tells.
 */
export class RpcError extends Error {
  override readonly name: string = 'RpcError';
  readonly method: string;
  readonly grpcCode: number;
  readonly grpcCodeName: string;
  readonly settled: boolean;

  constructor(method: string, grpcStatus: GrpcStatus) {
    super(bounded(grpcStatus.details));
    this.method = method;
    this.grpcCode = grpcStatus.code;
    this.grpcCodeName = codeName(grpcStatus.code);
    this.settled = !UNSETTLED.has(grpcStatus.code) && !brokeOff(grpcStatus);
  }
}

// grpc-js reports some lost connections as Internal, with this text of its own; no server can send it.
function brokeOff(s: GrpcStatus): boolean {
  return s.code === status.INTERNAL && s.details.startsWith('Received RST_STREAM with code');
}

/** A status code the way Go prints it, which is what users search for: `NotFound`, `DeadlineExceeded`. */
export function codeName(code: number): string {
  const upper = status[code];
  if (upper === undefined) return `Code(${code})`;
  if (code === status.OK) return 'OK';
  if (code === status.CANCELLED) return 'Canceled';
  return upper
    .split('_')
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join('');
}
