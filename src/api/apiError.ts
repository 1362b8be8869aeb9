import { KubeletError } from '../lib/errors.ts';
import type { Status, StatusDetails } from '../types/k8s.ts';

/** The reason of a 404 without a Status body: a proxy or load balancer said it, so nothing is known of the object. */
const NOT_THE_API = 'UnexpectedServerResponse';

/** The API server answered with an error status. `reason` is the API's word, e.g. `NotFound`. */
export class ApiError extends KubeletError {
  readonly status: number;
  /** Whether the same call may succeed later without anybody's help. */
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly details: StatusDetails | undefined;

  constructor(status: number, reason: string, message: string, retryAfterMs?: number, details?: StatusDetails) {
    super(message, { code: 'ApiError', reason });
    this.status = status;
    this.retryable = status === 429 || status >= 500 || reason === NOT_THE_API;
    this.retryAfterMs = retryAfterMs;
    this.details = details;
  }
}

/** No answer came: refused, reset, timed out, or the connection was found dead. */
export class ApiUnreachableError extends KubeletError {
  constructor(message: string, code: 'ApiUnreachable' | 'ApiTimeout', cause?: unknown) {
    super(message, { code, cause });
  }
}

const REASONS: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: NOT_THE_API,
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** Makes the error for an answer of status ≥ 400; `body` is the response text, a Status object or anything a proxy sends. */
export function apiErrorFrom(status: number, body: string, retryAfter: string | undefined, request: string): ApiError {
  let parsed: Status = {};
  try {
    const value = JSON.parse(body) as Status | null;
    if (value?.kind === 'Status') parsed = value;
  } catch {
    // Not JSON: the text below is all there is.
  }
  const seconds = Number(retryAfter ?? parsed.details?.retryAfterSeconds ?? Number.NaN);
  const reason = parsed.reason || REASONS[status] || 'Unknown';
  const message = parsed.message || `${request}: the server answered ${status} ${body.slice(0, 200).trim()}`.trim();
  return new ApiError(status, reason, message, Number.isFinite(seconds) ? seconds * 1000 : undefined, parsed.details);
}

/** The error inside a watch event of type ERROR. */
export function apiErrorOfStatus(status: Status): ApiError {
  return new ApiError(
    status.code ?? 500,
    status.reason ?? 'Unknown',
    status.message ?? 'the watch failed',
    undefined,
    status.details,
  );
}

const has = (error: unknown, status: number, reason?: string) =>
  error instanceof ApiError && error.status === status && (reason === undefined || error.reason === reason);

/** The API server itself says it: a proxy's 404 is no such answer. */
export const isNotFound = (error: unknown): boolean => has(error, 404, 'NotFound');
/**
 * The API server says that this very object does not exist. `resource` is the plural, e.g. `pods`. A NotFound that names another
 * object or none (an API that is not served yet) proves nothing about this one.
 */
export function isObjectGone(error: unknown, resource: string, name: string): boolean {
  if (!isNotFound(error)) return false;
  const { details } = error as ApiError;
  return details?.name === name && (details.kind ?? resource) === resource;
}
/** The name belongs to an object of another UID now: the UID in the request works as a precondition. */
export const isUidConflict = (error: unknown): boolean =>
  error instanceof ApiError &&
  (error.status === 409 || error.status === 422) &&
  /UID in (the )?precondition|metadata\.uid/i.test(error.message);
export const isForbidden = (error: unknown): boolean => has(error, 403);
export const isInvalid = (error: unknown): boolean => has(error, 422);
/** 409 for a version or precondition that no longer holds (not AlreadyExists). */
export const isConflict = (error: unknown): boolean => has(error, 409, 'Conflict');
export const isAlreadyExists = (error: unknown): boolean => has(error, 409, 'AlreadyExists');
/** The resourceVersion is too old: list again. */
export const isExpired = (error: unknown): boolean => has(error, 410);
/** The Node authorizer has not seen yet that a Pod of this node refers to the object; goes away within milliseconds. */
export const isNoRelationship = (error: unknown): boolean =>
  isForbidden(error) && (error as ApiError).message.includes('no relationship found');
