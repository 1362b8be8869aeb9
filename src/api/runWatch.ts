import type { Clock } from '../lib/clock.ts';
import type { KubeObject } from '../types/k8s.ts';
import { errorOf, TIMEOUT_MS, timedOut } from './apiCalls.ts';
import type { Transport } from './transport.ts';
import { decodeWatch, type Prepare, type WatchEvent } from './watch.ts';

/** Who hears of a watch, and until when it runs. */
export interface WatchListener<T> {
  readonly signal: AbortSignal;
  readonly onEvent: (event: WatchEvent<T>) => void;
  /** The server accepted the watch. */
  readonly onOpen?: (() => void) | undefined;
  /** Sees each object before it is frozen. */
  readonly prepare?: Prepare<T> | undefined;
}

/**
 * Runs the watch at `path`. Resolves when the server ends it, which is normal; rejects with ApiError (status 410: list again),
 * ApiUnreachableError or the signal's reason. Events arrive in order.
 */
export async function runWatch<T extends KubeObject>(
  transport: Transport,
  clock: Clock,
  path: string,
  { signal, onEvent, onOpen, prepare }: WatchListener<T>,
): Promise<void> {
  // The server must accept within the time of a call; afterwards silence is normal and pings guard the connection.
  const head = new AbortController();
  const timer = clock.setTimer(TIMEOUT_MS, () => head.abort(timedOut(`watch ${path}`, TIMEOUT_MS)));
  const headers = { accept: 'application/json' };
  try {
    const response = await transport.request({
      ...{ method: 'GET', path, lane: 'watch', headers },
      signal: AbortSignal.any([signal, head.signal]),
    });
    timer[Symbol.dispose]();
    if (response.status >= 400) throw await errorOf(response, `watch ${path}`);
    onOpen?.();
    await decodeWatch<T>(response.chunks(), onEvent, prepare);
  } finally {
    timer[Symbol.dispose]();
  }
}
