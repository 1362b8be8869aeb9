import { bounded, ERROR_BYTES } from './bounded.ts';

/** What an error carries besides its sentence. */
export interface ErrorDetails {
  /** Short machine word for metrics and tests, e.g. `ApiUnreachable`. */
  readonly code: string;
  /** The reason shown on a Pod or condition where one exists, e.g. `ErrImagePull`. Defaults to the code. */
  readonly reason?: string;
  readonly cause?: unknown;
}

/** Base of every error this program throws on purpose: one sentence saying what, where and what to do, in at most 16 KiB. */
export class KubeletError extends Error {
  readonly code: string;
  readonly reason: string;

  constructor(message: string, details: ErrorDetails) {
    super(bounded(message, ERROR_BYTES), details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = details.code;
    this.reason = details.reason ?? details.code;
  }
}

/** Judged by shape, because an error of another realm (a vm context, a DOMException) fails `instanceof Error`. */
function looksLikeError(thrown: unknown): thrown is Error {
  if (typeof thrown !== 'object' || thrown === null) return false;
  return typeof (thrown as Error).message === 'string' && typeof (thrown as Error).name === 'string';
}

/** Whatever was thrown, as an Error. */
export function toError(thrown: unknown): Error {
  return looksLikeError(thrown) ? thrown : new Error(typeof thrown === 'string' ? thrown : `thrown: ${String(thrown)}`);
}

/** The message of whatever was thrown, in at most 16 KiB. */
export function errorMessage(thrown: unknown): string {
  return bounded(toError(thrown).message, ERROR_BYTES);
}

/** What the work gives; if it fails, an Error whose message begins with `what` and a colon, with the first one as its cause. */
export async function prefixErrors<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`${what}: ${errorMessage(error)}`, { cause: error });
  }
}

/** True for the error of an aborted signal. */
export function isAbort(thrown: unknown): boolean {
  return (
    looksLikeError(thrown) && (thrown.name === 'AbortError' || (thrown as { code?: unknown }).code === 'ABORT_ERR')
  );
}
