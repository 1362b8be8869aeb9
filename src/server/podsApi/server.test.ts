import { getEventListeners } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import type { WatchPodsEventOut } from '../../plugins/generated/pods/pods.ts';
import { podsProtocol } from '../../plugins/protocols/pods.ts';
import type { PodEntry } from '../../pods/entry.ts';
import { type PodOwner, PodTable } from '../../pods/table.ts';
import { createCaller } from '../../rpc/caller.ts';
import { Connection } from '../../rpc/connection.ts';
import type { Pod, PodStatus } from '../../types/k8s.ts';
import { encodePod } from './encodePod.ts';
import { servePodsApi } from './server.ts';
import { Watcher } from './watchers.ts';

let root: string;
let table: PodTable;
let server: AsyncDisposable;
let connection: Connection;
const owners = new Map<string, PodOwner>();
const path = () => join(root, 'pods-api/pods-api.sock');

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'kts-podsapi-'));
  table = new PodTable();
  server = await servePodsApi({ rootDir: root, table, clock: new ManualClock(), onDropped: () => {} });
  connection = new Connection({ endpoint: path(), peer: 'kubelet' });
});
afterEach(async () => {
  connection[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

const podOf = (name: string): Pod => ({ metadata: { name, namespace: 'ns', uid: `uid-${name}` } });
const bytesOf = (pod: Pod) => Buffer.from(encodePod(pod));

/** A Pod as its worker shows it from now on. */
function show(name: string, status: PodStatus | undefined, more: Partial<PodEntry> = {}): void {
  const uid = `uid-${name}`;
  const entry = {
    uid,
    name,
    namespace: 'ns',
    pod: podOf(name),
    gone: false,
    phase: 'Active',
    status,
    ...more,
  } as PodEntry;
  const owner: PodOwner = { uid, entry, learn() {}, end() {}, wake() {} };
  owners.set(name, owner);
  table.enter(owner);
  table.decided(owner);
}

function watch(): { events: WatchPodsEventOut[]; types: () => string[]; stop: () => void } {
  const events: WatchPodsEventOut[] = [];
  const handlers = { onMessage: (event: object) => events.push(event as WatchPodsEventOut), onEnd: () => {} };
  const stop = connection.stream(podsProtocol.method('v1alpha1.Pods', 'WatchPods'), {}, handlers, {
    timeoutMs: 60_000,
  });
  return { events, types: () => events.map(({ type }) => type), stop };
}

const api = () => createCaller(connection, podsProtocol, 'v1alpha1.Pods', 60_000);

test('Pods are listed by UID with the newest status of the node, and found by UID; others are not', async () => {
  show('b', { phase: 'Running' });
  show('a', undefined);
  show('left', undefined, { pod: null });
  show('dropped', undefined, { gone: true });
  const running = bytesOf({ ...podOf('b'), status: { phase: 'Running' } });
  expect(await api().unary('ListPods', {})).toEqual({ pods: [bytesOf(podOf('a')), running] });
  expect(await api().unary('GetPod', { podUID: 'uid-b' })).toEqual({ pod: running });
  for (const podUID of ['uid-left', 'uid-dropped', 'none'])
    await expect(api().unary('GetPod', { podUID })).rejects.toThrow(`pod with UID ${podUID} not found`);
});

test('Pods that are more than one answer can hold are refused with a sentence; each can be asked for, and watched', async () => {
  const annotations = { notes: 'x'.repeat(1024 * 1024) };
  const large = (name: string): Pod => ({ metadata: { ...podOf(name).metadata, annotations } });
  const names = Array.from({ length: 16 }, (_, i) => `p${10 + i}`);
  for (const name of names.slice(1)) show(name, undefined, { pod: large(name) as PodEntry['pod'] });
  expect((await api().unary('ListPods', {})).pods).toHaveLength(15);
  show(names[0]!, undefined, { pod: large(names[0]!) as PodEntry['pod'] });
  await expect(api().unary('ListPods', {})).rejects.toMatchObject({
    grpcCodeName: 'ResourceExhausted',
    message: expect.stringContaining(
      'the Pods of this node are more than the 16777216 bytes that an answer may have: WatchPods tells them one by one',
    ),
  });
  expect(await api().unary('GetPod', { podUID: 'uid-p10' })).toEqual({ pod: bytesOf(large('p10')) });
  const { types, stop } = watch();
  await until(() => types().at(-1) === 'INITIAL_SYNC_COMPLETE');
  expect(types()).toHaveLength(17);
  stop();
});

test('the socket is for those who may enter the directory', () => {
  expect([statSync(path()).mode & 0o777, statSync(join(root, 'pods-api')).mode & 0o777]).toEqual([0o755, 0o750]);
});

test('a watcher is told what there is, and then what changes, each once', async () => {
  show('old', { phase: 'Running' });
  const { events, types, stop } = watch();
  await until(() => types().includes('INITIAL_SYNC_COMPLETE'));
  show('old', { phase: 'Running' }); // as before
  show('new', undefined); // no status yet
  show('new', { phase: 'Pending' });
  show('new', { phase: 'Running' });
  show('new', { phase: 'Running' });
  show('new', { phase: 'Succeeded' }, { phase: 'Finished' });
  table.leave('uid-new');
  table.leave('uid-old');
  await until(() => types().length >= 6);
  expect(types()).toEqual(['ADDED', 'INITIAL_SYNC_COMPLETE', 'ADDED', 'MODIFIED', 'DELETED', 'DELETED']);
  expect(events[3]?.pod).toEqual(bytesOf({ ...podOf('new'), status: { phase: 'Running' } }));
  expect(events.slice(4).map(({ pod }) => pod)).toEqual([bytesOf(podOf('new')), bytesOf(podOf('old'))]);
  stop();
});

test('a Pod that the node hears of when it is being deleted is not told as added', async () => {
  const { types, stop } = watch();
  await until(() => types().includes('INITIAL_SYNC_COMPLETE'));
  const pod = { metadata: { ...podOf('x').metadata, deletionTimestamp: '2026-11-30T23:11:31Z' } } as PodEntry['pod'];
  show('x', { phase: 'Running' }, { pod });
  await until(() => types().length === 2);
  expect(types()).toEqual(['INITIAL_SYNC_COMPLETE', 'MODIFIED']);
  stop();
});

test('calls beyond 10 at once are refused', async () => {
  const answers = await Promise.allSettled(Array.from({ length: 11 }, () => api().unary('ListPods', {})));
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
});

describe('a slow watcher', () => {
  const event = (bytes: number) => ({ type: 'MODIFIED', pod: new Uint8Array(bytes) }) as const;
  const live = new AbortController().signal;

  test.each([
    ['100 events', 101, 1],
    ['8 MiB', 3, 3 * 1024 * 1024],
  ])("is dropped beyond %s, once, in kubelet's words", async (_what, events, bytes) => {
    const watcher = new Watcher();
    const taken = Array.from({ length: events + 1 }, () => watcher.push(event(bytes)));
    expect(taken.filter((one) => !one)).toHaveLength(1);
    await expect(watcher.next(live)).rejects.toThrow('watch client channel closed');
  });

  test('that reads in between is not', async () => {
    const watcher = new Watcher();
    for (let i = 0; i < 200; i++) {
      expect(watcher.push(event(1024 * 1024))).toBe(true);
      expect(await watcher.next(live)).toMatchObject({ type: 'MODIFIED' });
    }
  });

  test('waits until something comes, or its call ends', async () => {
    const watcher = new Watcher();
    const call = new AbortController();
    const waiting = watcher.next(call.signal);
    watcher.push(event(1));
    expect((await waiting)?.type).toBe('MODIFIED');
    const ended = watcher.next(call.signal);
    call.abort();
    expect(await ended).toBeUndefined();
  });

  test('leaves nothing behind of its waits, however long it stays', async () => {
    const watcher = new Watcher();
    const { signal } = new AbortController();
    for (let i = 0; i < 100; i++) {
      const waiting = watcher.next(signal);
      watcher.push(event(1));
      await waiting;
    }
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
