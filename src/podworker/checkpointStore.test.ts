import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../lib/logger.ts';
import { FileCheckpoints } from './checkpointStore.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'checkpoints-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const checkpoint = (uid: string) => ({ uid, namespace: 'ns', name: uid, preStop: { c1: { begun: 5 } } });

test('what was saved is found by the next life; what a killed one left half written is not, and goes', async () => {
  const first = new FileCheckpoints(dir);
  await first.save(checkpoint('a'));
  writeFileSync(join(dir, 'b.json.tmp'), '{"uid":"b"');
  const found = await new FileCheckpoints(dir).load(silentLogger);
  expect([...found]).toEqual([['a', checkpoint('a')]]);
  expect(readdirSync(dir)).toEqual(['a.json']);
});

test.each(['a.b', 'a_b', '../x', 'a/b', 'ä', '.json', ' '])(
  'the UID %j is listed as it is, beside others that look like it',
  async (uid) => {
    const store = new FileCheckpoints(dir);
    await store.save(checkpoint(uid));
    await store.save(checkpoint('a-b'));
    expect((await store.list()).sort()).toEqual([uid, 'a-b'].sort());
    expect((await store.load(silentLogger)).get(uid)).toEqual(checkpoint(uid));
    await store.remove(uid);
    expect(await store.list()).toEqual(['a-b']);
  },
);

test('a checkpoint that is being written when it is removed does not come after that', async () => {
  const store = new FileCheckpoints(dir);
  const saved = store.save(checkpoint('a'));
  await store.remove('a');
  await saved;
  expect(readdirSync(dir)).toEqual([]);
});

test('a note of a cause that only a later version knows is not half believed: it goes, and the Pod goes on', async () => {
  const end = { cause: 'evaporated', graceSeconds: 1, deadline: 5 };
  writeFileSync(join(dir, 'a.json'), JSON.stringify({ ...checkpoint('a'), termination: end }));
  await new FileCheckpoints(dir).save(checkpoint('b'));
  expect([...(await new FileCheckpoints(dir).load(silentLogger)).keys()]).toEqual(['b']);
  expect(readdirSync(dir)).toEqual(['b.json']);
});
