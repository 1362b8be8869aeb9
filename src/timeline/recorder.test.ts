import v8 from 'node:v8';
import vm from 'node:vm';
import { RECORDER_BUDGETS, Recorder, type TraceRecord } from './recorder.ts';

v8.setFlagsFromString('--expose-gc');
const gc = vm.runInNewContext('gc') as () => void;

/** A Pod as a watch brings it: all objects anew. The text says how much of it is new each time. */
function record(turn: number, { stays = '', changes = '' }): TraceRecord {
  const pod = {
    metadata: { resourceVersion: `${turn}`, annotations: { changes: `${turn}${changes}` } },
    spec: { env: stays },
  };
  const memory = { turn, status: { phase: 'Running' } };
  return JSON.parse(JSON.stringify({ now: { wall: turn, mono: turn }, facts: { pod }, memory, decision: { memory } }));
}

const budgets = { ...RECORDER_BUDGETS, podTraceBytes: 100_000, nodeBytes: 400_000, podEntryBytes: 20_000 };

function opened(recorder: Recorder, ...uids: string[]): Recorder {
  for (const uid of uids) recorder.open({ uid, namespace: 'ns', name: uid });
  return recorder;
}
const traceOf = (recorder: Recorder, name: string) => recorder.find('ns', name)!.trace.items;

test('a spec of a megabyte that does not change is kept once, not once a decision', () => {
  const recorder = opened(new Recorder(), 'u');
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 150; i++)
    recorder.decision('u', record(i, { stays: 'x'.repeat(1_000_000) }), 'Active', [], false);
  gc();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(6_000_000);
  expect(traceOf(recorder, 'u')).toHaveLength(120);
  expect(traceOf(recorder, 'u').at(-1)).toEqual(record(149, { stays: 'x'.repeat(1_000_000) }));
  expect(recorder.bytes.trace).toBeGreaterThan(1_000_000);
  expect(recorder.bytes.trace).toBeLessThan(2_000_000);
});

test('one Pod that changes by a lot each time keeps its budget of newest decisions, and at least one', () => {
  const recorder = opened(new Recorder(undefined, budgets), 'u', 'v');
  for (let i = 0; i < 50; i++) {
    recorder.decision('u', record(i, { changes: 'x'.repeat(30_000) }), 'Active', [], false);
    expect(recorder.bytes.trace).toBeLessThanOrEqual(100_000);
  }
  expect(traceOf(recorder, 'u').map((r) => r.now.mono)).toEqual([47, 48, 49]);
  expect(recorder.find('ns', 'u')!.trace.dropped).toBe(47);
  recorder.decision('v', record(1, { changes: 'x'.repeat(200_000) }), 'Active', [], false);
  expect(traceOf(recorder, 'v')).toHaveLength(1);
});

test('all Pods together keep the node’s budget: finished Pods give first, then the oldest traces', () => {
  const names = Array.from({ length: 20 }, (_, i) => `p${i}`);
  const recorder = opened(new Recorder(undefined, budgets), ...names);
  const live = (name: string, mono: number) =>
    recorder.decision(name, record(mono, { changes: 'x'.repeat(40_000) }), 'Active', [], false);
  for (const [i, name] of names.slice(0, 8).entries()) live(name, i);
  recorder.close('p5');
  for (const [i, name] of names.slice(8, 11).entries()) live(name, 100 + i);
  const kept = names.filter((name) => traceOf(recorder, name).length > 0);
  expect(kept).toEqual(['p1', 'p2', 'p3', 'p4', 'p6', 'p7', 'p8', 'p9', 'p10']);
  for (let i = 0; i < 200; i++) {
    live(names[i % 20]!, 1000 + i);
    expect(recorder.bytes.trace + recorder.bytes.timeline).toBeLessThanOrEqual(400_000);
  }
});

test('a decision whose bytes nobody else holds is given back when it is dropped', () => {
  const recorder = opened(new Recorder(undefined, { ...budgets, nodeBytes: 30_000 }), 'u');
  for (let i = 0; i < 10; i++) recorder.decision('u', record(i, { stays: 'x'.repeat(50_000) }), 'Active', [], false);
  expect(recorder.bytes).toEqual({ timeline: expect.any(Number), trace: 0 });
});

test('a timeline is bounded in bytes, and so is each of its texts', () => {
  const recorder = opened(new Recorder(undefined, budgets), 'u');
  const at = { wall: 0, mono: 0 };
  const error = 'x'.repeat(16_000_000);
  for (let i = 0; i < 50; i++) recorder.record('u', { kind: 'action', at, action: 'a', slot: 's', end: 1, error });
  const { items } = recorder.find('ns', 'u')!.entries;
  expect(recorder.bytes.timeline).toBeLessThanOrEqual(20_000);
  expect(items.length).toBeGreaterThan(2);
  for (const item of items) expect(JSON.stringify(item).length).toBeLessThan(4300);
});

test('a follower hears nothing of a Pod that is over, until it begins a new life', () => {
  const heard: string[] = [];
  const follower = {
    entry: (_pod: unknown, { kind }: { kind: string }) => heard.push(kind),
    decided: (_pod: unknown, _at: unknown, phase: string) => heard.push(phase),
    closed: () => heard.push('closed'),
  };
  const recorder = opened(new Recorder(undefined, budgets, follower), 'u');
  const at = { wall: 0, mono: 0 };
  const say = () => {
    recorder.record('u', { kind: 'action', at, action: 'a', slot: 's', end: 1 });
    recorder.decision('u', record(1, {}), 'Active', [], false);
    recorder.stands('u', at, []);
  };
  say();
  recorder.close('u');
  say(); // a call that was aborted by the end
  expect(heard).toEqual(['action', 'Active', 'Active', 'closed']);
  opened(recorder, 'u');
  say();
  expect(heard.slice(4)).toEqual(['action', 'Active', 'Active']);
});

test('a finished Pod keeps its record for a while, in bounds; the sink hears of the end', () => {
  const closed: string[] = [];
  const recorder = new Recorder({ write: () => {}, close: (uid) => closed.push(uid) });
  for (let i = 0; i < 60; i++) {
    opened(recorder, `p${i}`);
    recorder.decision(`p${i}`, record(i, { changes: 'x'.repeat(3_000_000) }), 'Finished', [], false);
    recorder.close(`p${i}`);
  }
  expect(recorder.all()).toHaveLength(50);
  expect(recorder.bytes.trace + recorder.bytes.timeline).toBeLessThanOrEqual(RECORDER_BUDGETS.nodeBytes);
  expect(closed).toHaveLength(60);
});
