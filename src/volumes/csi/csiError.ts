// What can go wrong with a driver, and whether it may still be at work after it.
import { status } from '@grpc/grpc-js';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { RpcError } from '../../rpc/error.ts';
import { CSI_PLUGIN } from './names.ts';

/** A failed call after which the driver may still be at work on the volume (kubelet's reading of the CSI specification's error codes). */
const PENDING = new Set<number>([
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.UNAVAILABLE,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
]);

/**
 * A CSI volume that cannot be used now; each is tried again. `final`: the driver said no, and nothing of this attempt is left or
 * under way; otherwise what was asked for may yet come, and is undone before the volume is forgotten.
 */
export class CsiError extends KubeletError {
  readonly final: boolean;
  /** The driver's gRPC status; undefined: no driver was asked. */
  readonly grpcCode: number | undefined;

  constructor(message: string, final: boolean, cause?: unknown) {
    super(message, { code: 'CsiError', retryable: true, cause });
    this.final = final;
    this.grpcCode = cause instanceof RpcError ? cause.grpcCode : cause instanceof CsiError ? cause.grpcCode : undefined;
  }
}

/** Kubernetes' form of what its CSI plug-in says by itself. */
export function csiSays(text: string): string {
  return `${CSI_PLUGIN}: ${text}`;
}

/** Not the driver's refusal: nothing of the volume changed, and what was there before stays. */
export function passing(text: string, cause?: unknown): CsiError {
  return new CsiError(text, false, cause);
}

/** What a call to a driver rejected with, in the words of Go's gRPC. */
export function rpcFailed(error: unknown): CsiError {
  if (error instanceof CsiError) return error;
  if (!(error instanceof RpcError)) return new CsiError(errorMessage(error), false, error);
  const final = !PENDING.has(error.grpcCode) && error.settled;
  return new CsiError(`rpc error: code = ${error.grpcCodeName} desc = ${description(error)}`, final, error);
}

/** Texts of grpc-js's own with times and counts in them: a message that changes at each attempt is a new Event each time. */
function description({ grpcCode, message }: RpcError): string {
  if (grpcCode === status.DEADLINE_EXCEEDED && message.startsWith('Deadline exceeded after'))
    return 'context deadline exceeded';
  return message.replace(/^No connection established\. Last error: (?:null|undefined|Error: )?/, 'connection error: ');
}
