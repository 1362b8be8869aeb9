import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentPlace } from '../config/command.ts';
import { staleSocket } from '../lib/fake/staleSocket.ts';
import { decide } from '../podworker/rules/decide.ts';
import { freshMemory } from '../podworker/rules/memory.ts';
import { podExplanation } from '../server/routes/podExplanation.ts';
import { Recorder } from '../timeline/recorder.ts';
import { ask, replayFile } from './ask.ts';
import { noAnswer } from './askAgent.ts';

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

const asking = (agent: AgentPlace, output: 'text' | 'json' = 'text') => ask({ kind: 'why', agent, output });

/** An agent on a socket that answers everything alike. */
async function answering(status: number, body: string) {
  const socket = join(directory, 'debug.sock');
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(status).end(body);
  });
  await new Promise<void>((listens) => void server.listen(socket, listens));
  const end = () => new Promise<void>((done) => void server.close(() => done()));
  return { socket, asked, [Symbol.asyncDispose]: end };
}

test('the agent is asked on its socket', async () => {
  await using agent = await answering(200, 'all is well\n');
  await expect(asking(agent)).resolves.toBe('all is well\n');
  await expect(asking(agent, 'json')).resolves.toBe('all is well\n');
  const pod = { namespace: 'a/b', name: 'c' };
  await ask({ kind: 'timeline', pod, agent, output: 'text' });
  await ask({ kind: 'why', node: true, agent, output: 'json' });
  expect(agent.asked).toEqual([
    '/debug/pods/why',
    '/debug/pods/why?output=json',
    '/debug/pods/a%2Fb/c/timeline',
    '/debug/node/why?output=json',
  ]);
});

test('what is no answer is thrown as its sentence', async () => {
  await using agent = await answering(404, 'pod "a/b" is not known on this node\n');
  await expect(asking(agent)).rejects.toThrow(/^pod "a\/b" is not known on this node$/);
});

test('nothing in an answer steers the terminal, and JSON stays what it is', async () => {
  const hostile = { message: '\x1b]0;title\x07\x9b2J\x7f\u202e' };
  const body = JSON.stringify(hostile);
  {
    await using agent = await answering(200, `${body}\x1b[2J\rx\ty\n`);
    const text = await asking(agent);
    expect(text).toBe(String.raw`{"message":"\u001b]0;title\u0007\u009b2J\u007f\u202e"}\u001b[2J\u000dx` + '\ty\n');
    expect(JSON.parse(text.slice(0, text.indexOf('}') + 1))).toEqual(hostile);
  }
  await using agent = await answering(500, '\x1b[2J');
  await expect(asking(agent)).rejects.toThrow(/^\\u001b\[2J$/);
});

describe('without an agent the sentence says where to look', () => {
  test('no socket', async () => {
    const socket = join(directory, 'no.sock');
    await expect(asking({ socket })).rejects.toThrow(
      `there is no socket ${socket}: is kubelet-ts running, in this mount namespace, and with which --root-dir or --ts-debug-socket?`,
    );
  });

  test('a socket whose agent was killed', async () => {
    const { socket } = await staleSocket(join(directory, 'debug.sock'));
    await expect(asking({ socket })).rejects.toThrow(`nobody serves on ${socket} any more: is kubelet-ts running?`);
  });

  test('not as root', async () => {
    const error = Object.assign(new Error('connect EACCES'), { code: 'EACCES' });
    expect(noAnswer({ socket: '/s' }, error)).toBe('/s is for root alone (EACCES): run this as root');
  });

  test('a path that no socket can have', async () => {
    await expect(asking({ socket: `/${'a'.repeat(107)}` })).rejects.toThrow(/must not be longer than 107 bytes/);
  });

  test('on loopback', async () => {
    await expect(asking({ address: '127.0.0.1:1' })).rejects.toThrow(
      /^no kubelet-ts answers at 127\.0\.0\.1:1 \(.*\): is it running, in this network/,
    );
  });
});
