// Whether the other end of a channel speaks gRPC.
import * as grpc from '@grpc/grpc-js';
import { MAX_TIMEOUT_MS } from '../lib/clock.ts';

/** Who waits for a server, and what that ends with when none comes. */
interface ReadyWait {
  readonly signal: AbortSignal | undefined;
  /** Why nobody can be connected to; undefined while that is possible. */
  refusal(): { readonly code: grpc.status; readonly details: string } | undefined;
  failure(code: grpc.status, details: string): Error;
}

/**
 * Resolves once the server speaks gRPC, trying again until then: a socket is there a moment before its server listens. Rejects with a
 * failure: DeadlineExceeded after `timeoutMs`, Canceled, or the refusal.
 */
export function untilReady(
  channel: grpc.ChannelInterface,
  timeoutMs: number,
  { signal, refusal, failure }: ReadyWait,
): Promise<void> {
  const deadline = Date.now() + Math.min(timeoutMs, MAX_TIMEOUT_MS);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let over = false;
  const end = (code: grpc.status, details: string) => {
    if (over) return;
    over = true;
    signal?.removeEventListener('abort', aborted);
    if (code === grpc.status.OK) resolve();
    else reject(failure(code, details));
  };
  const aborted = () => end(grpc.status.CANCELLED, 'the connection is no longer wanted');
  const look = (late?: Error) => {
    const refused = refusal();
    if (refused) return end(refused.code, refused.details);
    if (over) return;
    if (late) return end(grpc.status.DEADLINE_EXCEEDED, `no gRPC server answered within ${timeoutMs} ms`);
    const state = channel.getConnectivityState(true);
    if (state === grpc.connectivityState.READY) end(grpc.status.OK, '');
    else channel.watchConnectivityState(state, deadline, look);
  };
  signal?.addEventListener('abort', aborted, { once: true });
  look();
  return promise;
}

/**
 * Connects, and connects again whenever the connection breaks (at most once a second), until it is closed or the result is disposed of:
 * `onChange` is told whether the server speaks gRPC, first of all when it is known. Never called from within this call.
 */
export function watchConnectivity(
  channel: grpc.ChannelInterface,
  isClosed: () => boolean,
  onChange: (connected: boolean) => void,
): Disposable {
  let over = false;
  let known: boolean | undefined;
  const look = () => {
    if (over || isClosed()) return;
    const state = channel.getConnectivityState(true);
    const connected = state === grpc.connectivityState.READY;
    if (connected !== known && (connected || state === grpc.connectivityState.TRANSIENT_FAILURE || known)) {
      known = connected;
      onChange(connected);
    }
    if (!over && !isClosed()) channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look);
  };
  queueMicrotask(look);
  return {
    [Symbol.dispose]() {
      over = true;
    },
  };
}
