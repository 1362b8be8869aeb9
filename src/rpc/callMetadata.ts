import * as grpc from '@grpc/grpc-js';
import { MAX_TIMEOUT_MS } from '../lib/clock.ts';
import type { CallSpan } from './callSpan.ts';

import type { CallOptions } from './connectionOptions.ts';

/** What is sent along with a call; a span's server is told whose part it is. */
export function metadataOf(options: CallOptions, span: CallSpan | undefined): grpc.Metadata {
  const metadata = new grpc.Metadata();
  if (span) metadata.set('traceparent', span.traceparent);
  for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
  return metadata;
}

/** What grpc-js is told of a call. */
export function callOptions(options: CallOptions): grpc.CallOptions {
  const ms = options.timeoutMs ?? 0;
  return ms > 0 && ms < MAX_TIMEOUT_MS ? { deadline: Date.now() + ms } : {};
}
