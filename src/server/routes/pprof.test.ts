import { request as httpsRequest } from 'node:https';
import { runInThisContext } from 'node:vm';
import { gunzipSync } from 'node:zlib';
import protobuf from 'protobufjs';
import { until } from '../../lib/fake/until.ts';
import { ask, eachOnItsOwn, host, identity, server, start } from '../fake/testServer.ts';
import { cpuSamples, heapSamples } from '../profiling/profiler.ts';

eachOnItsOwn();
const open = { authorization: { mode: 'AlwaysAllow' } };

/** The bytes of an answer. */
function bytes(path: string): Promise<{ status: number; body: Buffer; type: string | undefined }> {
  return new Promise((resolve, reject) => {
    const target = { host: '127.0.0.1', port: server.secure.port, path, rejectUnauthorized: false, agent: false };
    const outgoing = httpsRequest({ ...target, ...identity }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      const type = response.headers['content-type'];
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces), type }));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Names in a profile: field 6 of its message, read without the encoder's schema. */
function texts(profile: Buffer): string[] {
  const reader = protobuf.Reader.create(gunzipSync(profile));
  const found: string[] = [];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === 6) found.push(reader.string());
    else reader.skipType(tag & 7);
  }
  return found;
}

test('a CPU profile names the functions that ran, in the form of pprof', async () => {
  await start(open);
  host.cpuProfiles = true;
  // A function that was optimized before the profile began may be inlined into its caller, and V8 then names only that one. So each
  // attempt burns in a function that is compiled while it is watched.
  const fresh = () =>
    runInThisContext('(function burnHere(ms) { for (const end = Date.now() + ms; Date.now() < end; ); })') as (
      ms: number,
    ) => void;
  let burn = fresh();
  const timer = setInterval(() => burn(20), 21).unref();
  await until(async () => {
    const answer = bytes('/debug/pprof/profile?seconds=0.5');
    burn = fresh();
    const { status, body, type } = await answer;
    expect([status, type]).toEqual([200, 'application/octet-stream']);
    expect(texts(body)).toEqual(expect.arrayContaining(['', 'samples', 'cpu', 'nanoseconds']));
    return texts(body).includes('burnHere');
  });
  clearInterval(timer);
});

test('without --ts-cpu-profiles a CPU profile is refused in one sentence', async () => {
  await start(open);
  const { status, body } = await ask('/debug/pprof/profile?seconds=0.1', identity);
  expect([status, body]).toEqual([
    501,
    "CPU profiles are off, because V8's profiler can end the agent; start it with --ts-cpu-profiles to take one\n",
  ]);
});

test('a heap profile names who allocated', async () => {
  await start(open);
  host.cpuProfiles = true;
  const kept: object[] = [];
  const allocateHere = () => {
    for (let i = 0; i < 20_000; i += 1) kept.push({ i, text: `${i} and more` });
  };
  const answer = bytes('/debug/pprof/heap?seconds=0.5');
  const timer = setInterval(allocateHere, 20);
  const { status, body } = await answer;
  clearInterval(timer);
  expect(status).toBe(200);
  expect(texts(body)).toEqual(expect.arrayContaining(['inuse_space', 'bytes', 'allocateHere']));
});

test('one CPU profile at a time; a client that leaves ends its own', async () => {
  await start(open);
  host.cpuProfiles = true;
  const target = { host: '127.0.0.1', port: server.secure.port, rejectUnauthorized: false, agent: false };
  const first = httpsRequest({ ...target, ...identity, path: '/debug/pprof/profile?seconds=60' });
  first.on('error', () => {});
  first.end();
  await until(async () => (await ask('/debug/pprof/profile?seconds=0.01', identity)).status === 500);
  expect((await ask('/debug/pprof/profile?seconds=0.01', identity)).body).toBe(
    'Could not enable CPU profiling: cpu profiling already in use\n',
  );
  first.destroy();
  await until(async () => (await ask('/debug/pprof/profile?seconds=0.01', identity)).status === 200);
});

test('the other pages', async () => {
  await start(open);
  host.cpuProfiles = true;
  const get = (path: string) => ask(path, identity);
  expect((await get('/debug/pprof/')).body).toContain('<a href="profile">profile</a>');
  expect((await get('/debug/pprof/cmdline')).body.split('\0')[0]).toBe(process.argv[0]);
  expect((await get('/debug/pprof/symbol')).body).toBe('num_symbols: 1\n');
  expect((await get('/debug/pprof/goroutine')).body).toMatch(/^\d+ \w+$/m);
  expect(await get('/debug/pprof/trace')).toMatchObject({ status: 404, body: 'Unknown profile\n' });
  expect((await get('/debug/pprof/constructor')).status).toBe(404);
  expect((await get('/debug/pprof/profile?seconds=99999')).body).toBe(
    "profile duration exceeds server's WriteTimeout\n",
  );
});

test('stacks are put together from V8’s tree; idle time is no CPU time', () => {
  const frame = (functionName: string) => ({
    functionName,
    scriptId: '1',
    url: 'file:///a.ts',
    lineNumber: 1,
    columnNumber: 0,
  });
  const node = (id: number, name: string, children: number[] = []) => ({ id, callFrame: frame(name), children });
  const nodes = [node(1, '(root)', [2, 4]), node(2, 'outer', [3]), node(3, 'inner'), node(4, '(idle)')];
  const profile = { nodes, startTime: 0, endTime: 9, samples: [3, 4, 3, 2], timeDeltas: [10, 20, 30, 40] };
  const found = cpuSamples(profile).map(({ stack, values }) => [stack.map((f) => f.functionName), values]);
  expect(found).toEqual([
    [
      ['inner', 'outer'],
      [2, 40_000],
    ],
    [['outer'], [1, 40_000]],
  ]);
  const leaf = { callFrame: frame('leaf'), selfSize: 8, children: [] };
  const head = {
    callFrame: frame('(root)'),
    selfSize: 0,
    children: [{ callFrame: frame('top'), selfSize: 0, children: [leaf] }],
  };
  const [only] = heapSamples({ head });
  expect([only?.stack.map((f) => f.functionName), only?.values]).toEqual([['leaf', 'top'], [8]]);
});
