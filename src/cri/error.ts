// The one error type of runtime calls.
import { status } from '@grpc/grpc-js';
import { RpcError } from '../rpc/error.ts';

/** A runtime call that did not succeed. `message` is the runtime's own text, in at most 4 KiB: what a registry said may be in it; `settled` says whether the outcome is known. */
export class CriError extends RpcError {
  override readonly name = 'CriError';
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
