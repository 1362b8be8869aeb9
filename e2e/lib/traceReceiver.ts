// A collector of traces on the lab's node, at the address that kubelet takes by default.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { startService, stopService } from '../../hack/cluster/service.ts';
import { repoRoot } from '../../hack/lib/paths.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import type { ReceivedSpan } from '../../src/tracing/testing/otlpSchema.ts';
import { patience } from './collection.ts';
import type { TestContext } from './test.ts';

export interface TraceReceiver extends AsyncDisposable {
  /** What came so far, as text. */
  readonly text: string;
  readonly spans: readonly ReceivedSpan[];
  /** Waits for the root of this name of a Pod's trace (UID); gives what came of it so far: the runtime's spans may come later. */
  trace(name: string, uid: string): Promise<readonly ReceivedSpan[]>;
}

export const collectorAddress = '127.0.0.1:4317';

/** Starts it; disposing ends it. */
export async function startTraceReceiver(t: TestContext): Promise<TraceReceiver> {
  const { cluster } = t.lab;
  const name = 'trace-receiver';
  const file = path.join(t.directory, 'spans.jsonl');
  const program = path.join(repoRoot, 'e2e/lib/traceReceiverProgram.ts');
  startService(cluster, { name, argv: [process.execPath, program, collectorAddress, file], place: 'network' });
  await waitFor('the collector to listen', { timeout: patience }, async () => existsSync(file));
  const text = () => readFileSync(file, 'utf8');
  const spans = () =>
    text()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as ReceivedSpan);
  return {
    get text() {
      return text();
    },
    get spans() {
      return spans();
    },
    trace: (root, uid) =>
      waitFor(`the trace "${root}" of ${uid}`, { timeout: patience, interval: 500 }, async () => {
        const all = spans();
        const found = all.find((span) => span.name === root && span.attributes['k8s.pod.uid'] === uid);
        return found && all.filter(({ traceId }) => traceId === found.traceId);
      }),
    async [Symbol.asyncDispose]() {
      await stopService(cluster, name);
    },
  };
}
