import type { Clock } from '../lib/clock.ts';
import type { RateLimiter } from '../lib/limiter.ts';
import type { Tracing } from '../tracing/spans.ts';
import type { ObservedCall } from './apiCalls.ts';
import type { Prepare, WatchEvent } from './watch.ts';

/** Names one object; `namespace` only for namespaced kinds. */
export interface ObjectRef {
  readonly namespace?: string;
  readonly name: string;
}

/** How a call is made. */
export interface ApiCallOptions {
  readonly signal?: AbortSignal;
  /** For the whole call with its retries. Default 30 s. */
  readonly timeoutMs?: number;
  /** How often an answer with Retry-After (429, 5xx) is tried again within the timeout; default 10, as client-go. */
  readonly maxRetries?: number;
}

/** How an object is written. */
export interface WriteOptions extends ApiCallOptions {
  readonly subresource?: string;
  readonly fieldManager?: string;
}

/** How an object is deleted. */
export interface DeleteOptions extends ApiCallOptions {
  readonly gracePeriodSeconds?: number;
  /** Preconditions: the delete answers 409 when the object is another one by now. */
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
}

/** Which objects: all of the kind where nothing is said. */
export interface Selector {
  readonly namespace?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

/** Which objects to list, and how many at once. */
export interface ListOptions extends Selector, ApiCallOptions {
  readonly resourceVersion?: string;
  readonly limit?: number;
  readonly continue?: string;
}

/** A page of a list. */
export interface ListResult<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continue: string | undefined;
}

/** Which objects to watch, and who hears of them. */
export interface WatchOptions<T> extends Selector {
  readonly resourceVersion?: string;
  readonly timeoutSeconds?: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: WatchEvent<T>) => void;
  /** The server accepted the watch. */
  readonly onOpen?: () => void;
  readonly prepare?: Prepare<T>;
}

/** The forms of a patch that the API server takes. */
export type PatchType = 'strategic' | 'merge' | 'json' | 'apply';

/** The content type of each form of a patch. */
export const PATCH_CONTENT: Record<PatchType, string> = {
  strategic: 'application/strategic-merge-patch+json',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** What a client is made with. */
export interface ClientOptions {
  readonly clock?: Clock;
  readonly version?: string;
  /** Holds back calls (never watches). */
  readonly limiter?: RateLimiter;
  readonly pingIntervalMs?: number;
  /** Hears of the end of each call (not of watches), retries counted singly: for metrics. Must not throw. */
  readonly observe?: (call: ObservedCall) => void;
  /** Each request, watches too, is a span that the server is told of. */
  readonly tracing?: Tracing | undefined;
}
