import { deepFreeze } from '../lib/freeze.ts';
import type { KubeObject, Mutable, Status } from '../types/k8s.ts';
import { apiErrorOfStatus } from './apiError.ts';
import { LineSplitter } from './lines.ts';

/** One change as a watch reports it; a bookmark's object holds only a resourceVersion. */
export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

/** Changes an object before it is frozen and shared, e.g. to mark where it came from. */
export type Prepare<T> = (object: Mutable<T>) => void;

/** etcd refuses objects over 1.5 MB; as JSON with managed fields and escapes one can be a few times larger. */
const MAX_EVENT_BYTES = 16 * 1024 * 1024;
/** After this long in one go the decoder lets the rest of the program run. */
const SLICE_MS = 3;

/**
 * Takes an object from the wire into the program: without managedFields (half of a Pod's bytes, and nobody here reads them) and
 * frozen all the way down, because many share it.
 */
export function admit<T extends KubeObject>(object: T, prepare?: Prepare<T>): T {
  const writable = object as Mutable<KubeObject>;
  if (writable.metadata?.managedFields !== undefined) delete writable.metadata.managedFields;
  prepare?.(object as Mutable<T>);
  return deepFreeze(object);
}

/**
 * Decodes a watch response and hands on each event. Resolves when the server ends the stream. Throws the ApiError inside an ERROR
 * event (410: list again), and what the stream itself throws.
 */
export async function decodeWatch<T extends KubeObject>(
  chunks: AsyncIterable<Buffer>,
  onEvent: (event: WatchEvent<T>) => void,
  prepare?: Prepare<T>,
): Promise<void> {
  const lines = new LineSplitter(MAX_EVENT_BYTES);
  let since = performance.now();
  for await (const chunk of chunks) {
    for (const line of lines.push(chunk)) {
      const event = JSON.parse(line) as { type: string; object: unknown };
      if (event.type === 'ERROR') throw apiErrorOfStatus(event.object as Status);
      const type = event.type as WatchEvent<T>['type'];
      onEvent({ type, object: type === 'BOOKMARK' ? (event.object as T) : admit(event.object as T, prepare) });
      if (performance.now() - since > SLICE_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        since = performance.now();
      }
    }
    since = performance.now();
  }
}
