// What can go wrong with a driver, and whether it may still be at work after it.
import { status } from '@grpc/grpc-js';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { RpcError } from '../../rpc/error.ts';
import { rpcText } from '../../rpc/goText.ts';
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
 * What is known after a failure. `refused`: the driver said no, and nothing of this attempt is left or under way. `unsent`: it was not
 * asked. `unsure`: what was asked for may have come, or come yet, and is undone before the volume is forgotten.
 */
export type CsiOutcome = 'refused' | 'unsent' | 'unsure';

/** A CSI volume that cannot be used now; each is tried again. */
export class CsiError extends KubeletError {
  readonly outcome: CsiOutcome;
  /** The driver's gRPC status; undefined: no driver was asked. */
  readonly grpcCode: number | undefined;

  constructor(message: string, outcome: CsiOutcome, cause?: unknown) {
    super(message, { code: 'CsiError', cause });
    this.outcome = outcome;
    this.grpcCode = cause instanceof RpcError ? cause.grpcCode : cause instanceof CsiError ? cause.grpcCode : undefined;
  }
}

/** Kubernetes' form of what its CSI plug-in says by itself. */
export function csiSays(text: string): string {
  return `${CSI_PLUGIN}: ${text}`;
}

/** The driver was not asked: nothing of the volume changed, and what was there before stays. */
export function unsent(text: string, cause?: unknown): CsiError {
  return new CsiError(text, 'unsent', cause);
}

/** Something of the volume is there, or may be. */
export function unsure(text: string, cause?: unknown): CsiError {
  return new CsiError(text, 'unsure', cause);
}

/** What a call to a driver rejected with, in the words of Go's gRPC. */
export function rpcFailed(error: unknown): CsiError {
  if (error instanceof CsiError) return error;
  if (!(error instanceof RpcError)) return new CsiError(errorMessage(error), 'unsure', error);
  const outcome = !PENDING.has(error.grpcCode) && error.settled ? 'refused' : 'unsure';
  return new CsiError(rpcText(error), outcome, error);
}
