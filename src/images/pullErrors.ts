import { CriError } from '../cri/error.ts';
import { errorMessage } from '../lib/errors.ts';

/** The failures of one pull with several credentials. */
export class PullErrors extends Error {
  readonly errors: readonly unknown[];

  constructor(errors: readonly unknown[]) {
    super(joinErrors(errors));
    this.errors = errors;
  }
}

/** Whether the runtime has said of every attempt that it failed; otherwise it may have the image yet. */
export function isSettled(error: unknown): boolean {
  if (error instanceof PullErrors) return error.errors.every(isSettled);
  return error instanceof CriError && error.settled;
}

/** Several errors as Kubernetes prints an aggregate: `[a, b]`, equal ones once. */
function joinErrors(errors: readonly unknown[]): string {
  const texts = [...new Set(errors.map(pullErrorText))];
  return texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`;
}

/** A runtime error as kubelet prints a failed pull: gRPC's prefix, except for Unknown, where it says nothing. */
export function pullErrorText(error: unknown): string {
  if (!(error instanceof CriError) || error.grpcCodeName === 'Unknown') return errorMessage(error);
  return `rpc error: code = ${error.grpcCodeName} desc = ${error.message}`;
}
