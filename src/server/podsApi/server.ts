// The Pods API (KEP-4188): node agents ask here which Pods run on the node, and how they are, without the API server.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import type { Clock } from '../../lib/clock.ts';
import { disposable } from '../../lib/disposables.ts';
import { RateLimiter } from '../../lib/limiter.ts';
import { podsProtocol } from '../../plugins/protocols/pods.ts';
import type { PodEntry } from '../../pods/entry.ts';
import type { PodTable } from '../../pods/table.ts';
import { startRpcServer } from '../../rpc/server.ts';
import { RpcStatus, serveService } from '../../rpc/service.ts';
import { encodePod } from './encodePod.ts';
import { isTold, toldPod } from './toldPod.ts';
import { Watchers } from './watchers.ts';

/** kubelet's: calls a second, and at once. */
const QPS = 100;
const BURST = 10;
const MAX_CONNECTIONS = 64;
/** Of an answer: 500 Pods of 30 KiB. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** What a Pod takes in an answer beside its own bytes, at most. */
const OVERHEAD_BYTES = 8;
/** Pods encoded between two looks at other work. */
const AT_ONCE = 4;

/** What the service shows, and where. */
export interface PodsApiOptions {
  readonly rootDir: string;
  readonly table: PodTable;
  readonly clock: Clock;
  /** A watcher was too slow and is dropped. */
  onDropped(): void;
}

/** Serves `<root>/pods-api/pods-api.sock` (feature gate PodsAPI). Rejects with a sentence if it cannot be opened. */
export async function servePodsApi({ rootDir, table, clock, onDropped }: PodsApiOptions): Promise<AsyncDisposable> {
  const directory = join(rootDir, 'pods-api');
  await mkdir(directory, { recursive: true, mode: 0o750 });
  const limiter = new RateLimiter(clock, QPS, BURST);
  const admit = (): void => {
    if (!limiter.tryAcquire()) throw new RpcStatus(status.RESOURCE_EXHAUSTED, 'rejected by rate limit');
  };
  await using stack = new AsyncDisposableStack();
  const watchers = stack.use(new Watchers(table, onDropped));
  const service = serveService(podsProtocol, 'v1alpha1.Pods', {
    ListPods: async () => {
      admit();
      return { pods: await all(table) };
    },
    GetPod: ({ podUID }) => {
      admit();
      const entry = table.get(podUID);
      if (!entry || !isTold(entry)) throw new RpcStatus(status.NOT_FOUND, `pod with UID ${podUID} not found`);
      return { pod: encodePod(toldPod(entry)) };
    },
    WatchPods: async (_request, { signal }, out) => {
      admit();
      const watcher = watchers.add();
      using _watching = disposable(() => watchers.remove(watcher));
      for await (const pod of encoded(table)) await out.send({ type: 'ADDED', pod });
      await out.send({ type: 'INITIAL_SYNC_COMPLETE' });
      for (let event = await watcher.next(signal); event; event = await watcher.next(signal)) await out.send(event);
    },
  });
  stack.use(
    await startRpcServer({
      ...{ path: join(directory, 'pods-api.sock'), services: [service], mode: 0o755, clock },
      ...{ maxMessageBytes: MAX_MESSAGE_BYTES, maxConnections: MAX_CONNECTIONS },
    }),
  );
  return stack.move();
}

/** As one answer. Rejects with what to do where they are more than one can be, and encodes no further Pod then. */
async function all(table: PodTable): Promise<Uint8Array[]> {
  const pods: Uint8Array[] = [];
  let bytes = 0;
  for await (const pod of encoded(table)) {
    bytes += pod.length + OVERHEAD_BYTES;
    if (bytes > MAX_MESSAGE_BYTES)
      throw new RpcStatus(
        status.RESOURCE_EXHAUSTED,
        `the Pods of this node are more than the ${MAX_MESSAGE_BYTES} bytes that an answer may have: WatchPods tells them one by one`,
      );
    pods.push(pod);
  }
  return pods;
}

/** The Pods of this moment, by UID as kubelet lists them. */
async function* encoded(table: PodTable): AsyncGenerator<Uint8Array> {
  const byUid = (a: PodEntry, b: PodEntry): number => (a.uid < b.uid ? -1 : 1);
  for (const [at, entry] of table.all().filter(isTold).sort(byUid).entries()) {
    if (at > 0 && at % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
    yield encodePod(toldPod(entry));
  }
}
