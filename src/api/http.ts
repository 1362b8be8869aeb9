import type { Clock } from '../lib/clock.ts';
import type { Tracing } from '../tracing/spans.ts';

/** Long-lived watches and short calls never share a connection: a write must not wait for a stream slot behind 300 watches. */
export type Lane = 'call' | 'watch';

/** One request to the API server. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly lane: Lane;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** The head of an answer, with its body still to be read. */
export interface HttpResponse {
  readonly status: number;
  header(name: string): string | undefined;
  /** Reads the whole body. Read it or the chunks, exactly once, or `discard`. */
  text(): Promise<string>;
  /** The chunks as they come. Leaving the loop early ends the request. */
  chunks(): AsyncIterable<Buffer>;
  discard(): void;
}

/** What connections are made with. */
export interface TransportOptions {
  readonly clock: Clock;
  readonly userAgent: string;
  readonly pingIntervalMs?: number;
  readonly connectTimeoutMs?: number;
  readonly tracing?: Tracing | undefined;
}
