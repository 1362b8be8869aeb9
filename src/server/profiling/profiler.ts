import { type HeapProfiler, type Profiler, Session } from 'node:inspector/promises';
import { encodePprof, type Sample, type StackFrame } from './pprof.ts';

/** V8's own names for time in which nothing of ours ran. */
const NOT_RUNNING = new Set(['(idle)', '(root)']);

/** Profiles of this process, one of a kind at a time, as `go tool pprof` reads them. */
export class ProcessProfiler {
  readonly #busy = new Set<'cpu' | 'heap'>();

  /** Where the CPU time goes until `done` resolves. Undefined while another one is taken. */
  cpu(done: Promise<unknown>): Promise<Buffer | undefined> {
    return this.#once('cpu', async (session) => {
      const startMs = Date.now();
      await session.post('Profiler.enable');
      await session.post('Profiler.start');
      await done;
      const { profile } = await session.post('Profiler.stop');
      const kinds = [
        ['samples', 'count'],
        ['cpu', 'nanoseconds'],
      ] as const;
      return encodePprof({ kinds, samples: cpuSamples(profile), startMs, durationMs: Date.now() - startMs });
    });
  }

  /** What is allocated until `done` resolves and still in use then. Undefined while another one is taken. */
  heap(done: Promise<unknown>): Promise<Buffer | undefined> {
    return this.#once('heap', async (session) => {
      const startMs = Date.now();
      await session.post('HeapProfiler.startSampling', { samplingInterval: 16_384 });
      await done;
      const { profile } = await session.post('HeapProfiler.stopSampling');
      const kinds = [['inuse_space', 'bytes']] as const;
      return encodePprof({ kinds, samples: heapSamples(profile), startMs, durationMs: Date.now() - startMs });
    });
  }

  async #once(kind: 'cpu' | 'heap', take: (session: Session) => Promise<Buffer>): Promise<Buffer | undefined> {
    if (this.#busy.has(kind)) return undefined;
    this.#busy.add(kind);
    const session = new Session();
    try {
      session.connect();
      return await take(session);
    } finally {
      session.disconnect();
      this.#busy.delete(kind);
    }
  }
}

/** One sample for each stack that was seen. */
export function cpuSamples({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Sample[] {
  const spent = new Map<number, { count: number; micros: number }>();
  for (const [i, id] of samples.entries()) {
    const sum = spent.get(id) ?? { count: 0, micros: 0 };
    spent.set(id, sum);
    sum.count += 1;
    sum.micros += Math.max(0, timeDeltas[i] ?? 0);
  }
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));
  return [...spent].flatMap(([id, { count, micros }]) => {
    const name = byId.get(id)?.callFrame.functionName ?? '';
    if (NOT_RUNNING.has(name)) return [];
    const stack: StackFrame[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const frame = byId.get(at)?.callFrame;
      if (frame && frame.functionName !== '(root)') stack.push(frame);
    }
    return [{ stack, values: [count, micros * 1000] }];
  });
}

/** One sample for each stack that allocated something. */
export function heapSamples({ head }: HeapProfiler.SamplingHeapProfile): Sample[] {
  const found: Sample[] = [];
  const todo: { node: HeapProfiler.SamplingHeapProfileNode; above: readonly StackFrame[] }[] = [
    { node: head, above: [] },
  ];
  for (let next = todo.pop(); next; next = todo.pop()) {
    const { node, above } = next;
    const stack = node.callFrame.functionName === '(root)' ? above : [node.callFrame, ...above];
    if (node.selfSize > 0) found.push({ stack, values: [node.selfSize] });
    for (const child of node.children) todo.push({ node: child, above: stack });
  }
  return found;
}
