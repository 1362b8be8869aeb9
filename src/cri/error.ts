// The one error type of runtime calls.
import { status } from '@grpc/grpc-js';
import { bounded } from '../lib/bounded.ts';

/** A gRPC status as grpc-js hands it over. */
export interface GrpcStatus {
  code: number;
  details: string;
}

const UNSETTLED = new Set<number>([status.DEADLINE_EXCEEDED, status.UNAVAILABLE, status.CANCELLED]);

/**
 * A runtime call that did not succeed. `message` is the runtime's own text, in at most 4 KiB: what a registry said may be in it. `settled` says whether the outcome is known:
 * after DeadlineExceeded, Unavailable, Cancelled or a stream that broke off, the runtime may still carry the call out, so
 * only a read sent afterwards tells.
 */
export class CriError extends Error {
  override readonly name = 'CriError';
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

/** Whether `error` is the runtime saying that the sandbox, container or image does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof CriError && error.grpcCode === status.NOT_FOUND;
}

/** Whether `error` is containerd refusing to remove a container because it has a task, running or not. */
export function hasTaskLeft(error: unknown): boolean {
  return (
    error instanceof CriError &&
    error.grpcCode === status.FAILED_PRECONDITION &&
    error.message.includes('cannot delete running task')
  );
}

/** Whether `error` is the runtime saying that it does not know the call. */
export function isUnimplemented(error: unknown): boolean {
  return error instanceof CriError && error.grpcCode === status.UNIMPLEMENTED;
}
