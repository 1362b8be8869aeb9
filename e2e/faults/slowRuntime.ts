// A runtime whose calls take 0.1 to 10 s for some Pods: the others do not notice.
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { SLOW_CALL_MS } from '../../src/cri/rules/gate.ts';
import { expectWait } from '../lib/expectWait.ts';
import { assertStartedOnce, once, onceSpec, untilAgreed } from '../lib/once.ts';
import { create, pod, removeAndWait, untilReady } from '../lib/pods.ts';
import { random } from '../lib/random.ts';
import { SlowRuntime } from '../lib/slowRuntime.ts';
import { group, type TestContext, test } from '../lib/test.ts';

/** Milliseconds from creation to Ready of Pods that start one after the other. */
async function startTimes(t: TestContext, prefix: string, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const name = `${prefix}-${n}`;
    const start = performance.now();
    const made = await create(
      t,
      pod(t, name, onceSpec(t, { terminationGracePeriodSeconds: 1, containers: [once('main')] })),
    );
    await untilReady(t, name);
    times.push(performance.now() - start);
    await removeAndWait(t, made);
  }
  return times.sort((a, b) => a - b);
}

/** What the agent did for some Pods and how long each thing took. */
async function whereTimeWent(t: TestContext, names: readonly string[]): Promise<string> {
  const lines: string[] = [];
  for (const name of names) {
    const { entries } = await t.lab.timeline(t.namespace, name);
    const [first] = entries;
    for (const e of entries) {
      if (e.kind !== 'action' && e.kind !== 'reasons') continue;
      const at = (e.at.mono - (first?.at.mono ?? 0)).toFixed(0);
      const what =
        e.kind === 'action'
          ? `${e.action} took ${(e.end - e.at.mono).toFixed(0)} ms`
          : e.reasons.map((r) => r.code).join(' ');
      lines.push(`  ${name} +${at} ms: ${what}`);
    }
  }
  return lines.join('\n');
}

/** The longest time that a Pod waited in one piece for its turn at the runtime, ms. */
async function longestQueue(t: TestContext, names: readonly string[]): Promise<number> {
  let longest = 0;
  for (const name of names) {
    const { entries } = await t.lab.timeline(t.namespace, name);
    let since: number | undefined;
    for (const e of entries) {
      if (e.kind !== 'reasons') continue;
      if (since !== undefined) longest = Math.max(longest, e.at.mono - since);
      since = e.reasons.some((r) => r.code === 'GateQueue') ? (since ?? e.at.mono) : undefined;
    }
  }
  return longest;
}

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)] ?? 0;

async function slowForSome(t: TestContext): Promise<void> {
  const { layout } = t.lab.cluster;
  const count = t.full ? 15 : 5;
  const marks: string[] = [];
  // From 0.1 to 10 s, short ones as often as long ones.
  const slowness = { marks, delay: () => 100 * 100 ** random() };
  await using runtime = new SlowRuntime(path.join(layout.run, 'slow.sock'), layout.containerdSocket, slowness);
  await t.lab.restartAgent({ config: { containerRuntimeEndpoint: runtime.endpoint } });
  try {
    const before = await startTimes(t, 'before', count);
    marks.push('tarry-');
    const slow = Array.from({ length: t.full ? 20 : 6 }, (_, n) => `tarry-${n}`);
    for (const name of slow) {
      const initContainers = t.full ? [once('first', 'true')] : [];
      const spec = onceSpec(t, { initContainers, containers: [once('main')] });
      const made = await create(t, pod(t, name, { terminationGracePeriodSeconds: 1, ...spec }));
      marks.push(made.metadata?.uid ?? '');
    }
    const meanwhile = await startTimes(t, 'meanwhile', count);
    const busy = runtime.delayed;
    await Promise.all(slow.map((name) => untilReady(t, name)));
    marks.length = 0;
    const after = await startTimes(t, 'after', count);
    const [b, m, a] = [before, meanwhile, after].map(median) as [number, number, number];
    t.note(
      `median start ${b.toFixed(0)} ms before, ${m.toFixed(0)} ms beside ${slow.length} slow Pods (${busy} slow calls), ${a.toFixed(0)} ms after`,
    );
    t.note(`beside them: ${meanwhile.map((ms) => ms.toFixed(0)).join(', ')} ms`);
    assert.ok(busy > 0, 'no call was slow');
    // The machine has more to do meanwhile, and other work of its own; its speed changes. But a start that waits for somebody
    // else's slow calls takes seconds more, and then even the quickest does.
    const [b0, m0, a0] = [before, meanwhile, after].map((times) => times[0] ?? 0) as [number, number, number];
    if (m0 > 3 * Math.max(b0, a0) + 1500)
      assert.fail(
        `unrelated Pods started more slowly:\n${await whereTimeWent(t, ['before-1', 'meanwhile-1', 'meanwhile-2'])}`,
      );
    // A slow call gives its place in the gate back after a while, so a turn comes in time, whatever the machine. At worst the
    // slow Pods go before, as many at a time as there are places.
    const rounds = Math.ceil(slow.length / (4 * availableParallelism()));
    const names = meanwhile.map((_, n) => `meanwhile-${n}`);
    const queued = await longestQueue(t, names);
    t.note(`longest wait in the gate ${queued.toFixed(0)} ms`);
    if (queued > rounds * SLOW_CALL_MS + 1500)
      assert.fail(`${queued.toFixed(0)} ms in the gate's queue:\n${await whereTimeWent(t, names)}`);
    await untilAgreed(t);
    await assertStartedOnce(t);
  } finally {
    marks.length = 0;
    await t.lab.restartAgent();
  }
}

/** The calls that are spoken of take 8 s: what the agent says meanwhile. */
async function saysSo(t: TestContext): Promise<void> {
  const { layout } = t.lab.cluster;
  const slowness = {
    marks: ['tarry-'],
    delay: (method: string) => (/(RunPodSandbox|(Create|Start)Container)$/.test(method) ? 8000 : 100),
  };
  await using runtime = new SlowRuntime(path.join(layout.run, 'slow.sock'), layout.containerdSocket, slowness);
  await t.lab.restartAgent({ config: { containerRuntimeEndpoint: runtime.endpoint } });
  try {
    await create(t, pod(t, 'tarry-says', onceSpec(t, { containers: [once('main')] })));
    await expectWait(
      t,
      'tarry-says',
      'CreatingSandbox',
      /^the runtime is creating the Pod sandbox \(network included\) for [\d.]+ s$/,
    );
    await expectWait(t, 'tarry-says', 'CreatingContainer', /^the runtime is creating container main for [\d.]+ s$/);
    await expectWait(t, 'tarry-says', 'StartingContainer', /^the runtime is starting container main for [\d.]+ s$/);
    await untilReady(t, 'tarry-says');
  } finally {
    slowness.marks.length = 0;
    await t.lab.restartAgent();
  }
}

export const slowRuntime = group('faults', [
  test('slow calls for some Pods do not slow the others', slowForSome, { mode: 'alone' }),
  test('slow calls are explained', saysSo, { mode: 'alone' }),
]);
