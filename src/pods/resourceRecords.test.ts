import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allocationCheckpoint } from '../k8s/kubeletCheckpoints.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { ResourceRecords } from './resourceRecords.ts';

let dir: string;
const path = () => join(dir, 'allocated_pods_state');
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kts-records-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const clock = new ManualClock(0);
const open = () => ResourceRecords.open(path(), clock);

const cpu = (amount: string) => ({ containers: { c: { requests: { cpu: amount } } } });

test('what was saved is there after a restart, in the form of the Go kubelet', async () => {
  const records = await open();
  await records.save('u', { containers: { c: { limits: { cpu: '1' } } }, pod: { requests: { memory: '1Gi' } } });
  const file = JSON.parse(await readFile(path(), 'utf8')) as { data: string };
  expect(JSON.parse(file.data)).toEqual({
    entries: {
      u: { ContainerResources: { c: { limits: { cpu: '1' } } }, PodLevelResources: { requests: { memory: '1Gi' } } },
    },
  });
  const again = await open();
  expect(again.get('u')).toEqual(records.get('u'));
});

test('saves that come during a write share the next one', async () => {
  const records = await open();
  const texts = new Set<string>();
  const all = Array.from({ length: 50 }, (_, i) =>
    records.save(`u${i}`, cpu('1')).then(async () => texts.add(await readFile(path(), 'utf8'))),
  );
  await Promise.all(all);
  expect(texts.size).toBeLessThanOrEqual(2);
  expect((await open()).get('u49')).toEqual(cpu('1'));
});

test('a write that fails is told to everybody who waits for it, and is not forgotten', async () => {
  const records = await open();
  await rm(dir, { recursive: true });
  await writeFile(dir, 'no directory');
  const [a, b] = [records.save('a', cpu('1')), records.flush()];
  await expect(a).rejects.toThrow('EEXIST');
  await expect(b).rejects.toThrow('EEXIST');
  expect(records.get('a')).toEqual(cpu('1'));
  await rm(dir);
  await records.flush();
  expect((await open()).get('a')).toEqual(cpu('1'));
});

test('Pods that are over go with the next save', async () => {
  const records = await open();
  await records.save('a', cpu('1'));
  await records.save('b', cpu('1'));
  records.keepOnly(new Set(['b', 'c']));
  await records.save('c', cpu('1'));
  const again = await open();
  expect(['a', 'b', 'c'].map((uid) => again.get(uid) !== undefined)).toEqual([false, true, true]);
});

test.each([
  ['another checksum', '{"data":"{}","checksum":1}'],
  ['no JSON', '{'],
])('a file with %s is refused, and stays', async (_name, text) => {
  await writeFile(path(), text);
  await expect(open()).rejects.toThrow(/cannot be used/);
  expect(await readFile(path(), 'utf8')).toBe(text);
});

test('what may be lost is written within a second, many in one write; nothing new is no write', async () => {
  const records = await open();
  records.set('a', cpu('1'));
  records.set('b', cpu('1'));
  expect((await open()).get('a')).toBeUndefined();
  clock.advance(1000);
  await records.flush();
  expect((await open()).get('b')).toEqual(cpu('1'));
  await rm(path());
  records.set('a', cpu('1'));
  await records.save('b', cpu('1'));
  clock.advance(1000);
  await records.flush();
  await expect(readFile(path())).rejects.toThrow('ENOENT');
});

test("the Go kubelet's file is taken as it is, and written again with what it says", async () => {
  const recorded = join(import.meta.dirname, '../../hack/checkpoints/recorded.json');
  const files = JSON.parse(await readFile(recorded, 'utf8')) as { kind: string; name: string; text: string }[];
  const { text } = files.find(({ kind, name }) => kind === 'allocation' && name === 'full')!;
  await writeFile(path(), text);
  const records = await open();
  const one = { requests: { cpu: '100m', memory: '1Gi' } };
  expect(records.get('pod-a')).toEqual({ containers: {} });
  expect(records.get('pod-b')).toEqual({ containers: { 'ü<': one }, pod: one });
  await records.save('pod-c', cpu('1'));
  const dataOf = (file: string) => JSON.parse((JSON.parse(file) as { data: string }).data).entries;
  const again = dataOf(await readFile(path(), 'utf8'));
  expect(again['pod-b']).toEqual(dataOf(text)['pod-b']);
  expect((await open()).get('pod-c')).toEqual(cpu('1'));
});

test.each([
  ['a record that is none', { entries: { u: 7 } }],
  ['resources that are none', { entries: { u: { ContainerResources: { c: { requests: { cpu: 1 } } } } } }],
])('a file with %s is refused', async (_name, data) => {
  const text = allocationCheckpoint<{ data: string }>().encode({ data: JSON.stringify(data) });
  await writeFile(path(), text);
  await expect(open()).rejects.toThrow(/cannot be used: what it has for Pod u/);
});
