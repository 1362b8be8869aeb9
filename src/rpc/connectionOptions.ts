import type { Tracing } from '../tracing/spans.ts';
import type { RpcError, RpcErrorClass } from './error.ts';

/** What the hook of a connection learns of each call that ended. Times are performance.now() milliseconds. */
export interface CallRecord {
  method: string;
  startMono: number;
  endMono: number;
  error: RpcError | undefined;
}

/** How a call is made. */
export interface CallOptions {
  /** Milliseconds until DeadlineExceeded; 0 or absent: none. */
  timeoutMs?: number;
  /** Aborting cancels the call; the outcome then is unknown (an unsettled RpcError). */
  signal?: AbortSignal;
  metadata?: Record<string, string>;
}

/** Who hears of a stream's messages and its end. */
export interface StreamHandlers {
  /** One that returns a promise holds the next message back until it has settled: a fast sender fills no memory. It must not reject. */
  onMessage(message: object): unknown;
  /** Called exactly once; without an error the server closed the stream in order. */
  onEnd(error: RpcError | undefined): void;
}

/** Who is called, and what is accepted of him. */
export interface ConnectionOptions {
  /** `unix:///path` or an absolute path. */
  endpoint: string;
  /** Who is called, as sentences name it: `runtime`, `plug-in`. */
  peer: string;
  /** What failed calls reject with. Default: RpcError itself. */
  errorClass?: RpcErrorClass | undefined;
  /** Longest message that is sent or accepted, in bytes; a longer one is ResourceExhausted. Default: 16 MiB. */
  maxMessageBytes?: number | undefined;
  /** Longest answer that is accepted, where that is less than may be sent: what is read blocks everything else. */
  maxAnswerBytes?: number | undefined;
  /** Most fields of an answer, at all depths; one with more is not decoded, and its call is Internal. Default: any number. */
  maxParts?: number | undefined;
  /** Called after every call; must not throw. */
  onCall?: ((record: CallRecord) => void) | undefined;
  /** Makes a span of each call of a service that `traces`, and tells the server of it. */
  tracing?: Tracing | undefined;
  /** Default: all services. */
  traces?: ((path: string) => boolean) | undefined;
}
