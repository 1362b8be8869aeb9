// node hack/otlp/receive.ts: a collector of traces that prints them (docs/debugging.md).
import { parseArgs } from 'node:util';
import type { ReceivedSpan } from '../../src/tracing/testing/otlpSchema.ts';
import { startReceiver } from '../../src/tracing/testing/receiver.ts';
import { traceText } from './traceText.ts';

const usage = `node hack/otlp/receive.ts [--listen HOST:PORT] [--all]
Takes spans over OTLP (gRPC) and prints the trace of each Pod's start, restart and stop when it is over.
  --listen HOST:PORT  where; 127.0.0.1:4317 by default, as kubelet's tracing.endpoint
  --all               other traces too: requests to the kubelet, calls that belong to no Pod, garbage collection`;

/** Spans of a trace may come in several batches, its root last of all; traces whose root does not come are forgotten beyond this. */
const MAX_OPEN = 10_000;

const { values } = parseArgs({
  options: { listen: { type: 'string' }, all: { type: 'boolean' }, help: { type: 'boolean' } },
});
if (values.help) console.log(usage);
else await receive(values.listen ?? '127.0.0.1:4317', values.all ?? false);

async function receive(listen: string, all: boolean): Promise<void> {
  const open = new Map<string, ReceivedSpan[]>();
  const { endpoint } = await startReceiver(listen, (spans) => {
    for (const span of spans) open.set(span.traceId, [...(open.get(span.traceId) ?? []), span]);
    for (const traceId of new Set(spans.map((span) => span.traceId))) {
      const trace = open.get(traceId) ?? [];
      const root = trace.find(({ parentSpanId }) => parentSpanId === '');
      if (!root) continue;
      open.delete(traceId);
      if (all || root.name.startsWith('Pod ')) console.log(traceText(trace));
    }
    for (const traceId of [...open.keys()].slice(0, Math.max(0, open.size - MAX_OPEN))) open.delete(traceId);
  });
  console.log(`waiting for traces at ${endpoint}`);
}
