import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decide } from '../podworker/rules/decide.ts';
import { freshMemory } from '../podworker/rules/memory.ts';
import { podExplanation } from '../server/routes/podExplanation.ts';
import { Recorder } from '../timeline/recorder.ts';
import { ask, replayFile } from './ask.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ask-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A decision about a static Pod that waits for the name of another one. */
function record(name: string) {
  const facts = { uid: name, namespace: 'default', name, nameTakenBy: 'other', slots: {}, pod: null, gone: false };
  const now = { wall: 0, mono: 0 };
  const memory = freshMemory();
  return { now, facts, memory, decision: decide(facts as never, memory, now) };
}
const write = (...records: object[]) => {
  const file = join(directory, 'trace.jsonl');
  writeFileSync(file, records.map((r) => `${JSON.stringify(r)}\n`).join(''));
  return file;
};

test('--pod replays the decisions about one Pod only', async () => {
  const b = record('b');
  const changed = { ...b, decision: { ...b.decision, done: true } };
  const file = write(record('a'), changed, record('a'));
  const of = (name: string) =>
    replayFile({ kind: 'replay', file, pod: { namespace: 'default', name }, output: 'text' });
  await expect(of('a')).resolves.toEqual({ same: true, text: '2 decisions replayed, all equal.\n' });
  await expect(of('b')).resolves.toMatchObject({ same: false, text: expect.stringContaining('differs at done') });
  await expect(of('c')).rejects.toThrow(`${file} holds no decision about pod default/c`);
});

test('what the server gives as a trace replays', async () => {
  const recorder = new Recorder();
  recorder.open({ uid: 'a', namespace: 'default', name: 'a' });
  const made = record('a');
  recorder.decision('a', made as never, made.decision.memory.phase, made.decision.reasons, false);
  const source = { recorder, mono: () => 0, refresh: async () => {} };
  const served = await podExplanation('/debug/pods/default/a/trace', false, source);
  const file = join(directory, 'served.json');
  const body = served?.body ?? '';
  writeFileSync(file, typeof body === 'string' ? body : [...body.pieces()].join(''));
  await expect(replayFile({ kind: 'replay', file, output: 'text' })).resolves.toEqual({
    same: true,
    text: '1 decisions replayed, all equal.\n',
  });
});

test('a file that is no trace is told apart', async () => {
  const file = join(directory, 'x');
  writeFileSync(file, 'hello');
  await expect(replayFile({ kind: 'replay', file, output: 'text' })).rejects.toThrow(
    /is neither a trace nor a recording/,
  );
});

test('without an agent the answer says where to look', async () => {
  const asking = { kind: 'why', address: '127.0.0.1:1', output: 'text' } as const;
  await expect(ask(asking)).rejects.toThrow(
    /^no kubelet-ts answers at 127\.0\.0\.1:1 \(.*\); is it running, in this network/,
  );
});
