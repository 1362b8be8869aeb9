import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import { podResourcesProtocol } from '../../plugins/protocols/podResources.ts';
import type { PodEntry } from '../../pods/entry.ts';
import type { LifePhase } from '../../pods/facts.ts';
import { PodTable } from '../../pods/table.ts';
import { createCaller } from '../../rpc/caller.ts';
import { Connection } from '../../rpc/connection.ts';
import type { RpcServer } from '../../rpc/server.ts';
import type { Pod } from '../../types/k8s.ts';
import { DeviceBook } from '../book.ts';
import { servePodResources } from './server.ts';

const GPU = 'vendor.example/gpu';
let root: string;
let table: PodTable;
let book: DeviceBook;
let clock: ManualClock;
let server: RpcServer;
let connection: Connection;
let counted: string[];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'kts-podres-'));
  [table, book, clock, counted] = [new PodTable(), new DeviceBook(), new ManualClock(), []];
  server = await servePodResources({
    ...{ rootDir: root, table, book, clock },
    activeOnly: true,
    others: {
      cpus: (uid, container) => (uid === 'uid-a' && container === 'main' ? [2, 3] : []),
      memory: () => [{ type: 'memory', bytes: 2n ** 54n + 1n, nodes: [0, 1] }],
      allocatableCpus: () => [1, 2, 3],
    },
    onRequest: (version, method) => counted.push(`${version} ${method}`),
    onError: (version, method) => counted.push(`${version} ${method} failed`),
  });
  connection = new Connection({ endpoint: server.path, peer: 'kubelet' });
});
afterEach(async () => {
  connection[Symbol.dispose]();
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

const v1 = () => createCaller(connection, podResourcesProtocol, 'v1.PodResourcesLister', 5000);
const v1alpha1 = () => createCaller(connection, podResourcesProtocol, 'v1alpha1.PodResourcesLister', 5000);

function enter(name: string, phase: LifePhase = 'Active'): void {
  const uid = `uid-${name}`;
  const pod: Pod = {
    metadata: { name, namespace: 'ns', uid },
    spec: {
      initContainers: [
        { name: 'init', image: '' },
        { name: 'side', image: '', restartPolicy: 'Always' },
      ],
      containers: [{ name: 'main', image: '' }],
    },
  };
  const entry = { uid, name, namespace: 'ns', pod, phase } as PodEntry;
  table.enter({ uid, entry, learn() {}, end() {}, wake() {} });
}
function give(uid: string, container: string, ids: readonly string[]): void {
  book.commit(uid, { container, resource: GPU, ids }, new Uint8Array());
}
beforeEach(() => {
  const device = (id: string, healthy: boolean, nodes: number[]) => [id, { id, healthy, nodes }] as const;
  book.setDevices(GPU, new Map([device('0', true, [0, 1]), device('1', true, []), device('2', false, [])]));
  enter('b');
  enter('a');
  enter('waiting', 'Admitting');
  enter('over', 'Finished');
  give('uid-a', 'main', ['0', '1']);
  give('uid-a', 'init', ['2']);
});

const onNode = (ID: string) => ({ nodes: [{ ID }] });
const memory = [{ memoryType: 'memory', size: '18014398509481985', topology: { nodes: [{ ID: '0' }, { ID: '1' }] } }];
const a = {
  name: 'a',
  namespace: 'ns',
  containers: [
    { name: 'side', devices: [], cpuIds: [], memory, dynamicResources: [] },
    {
      name: 'main',
      devices: [
        { resourceName: GPU, deviceIds: ['0'], topology: onNode('0') },
        { resourceName: GPU, deviceIds: ['0'], topology: onNode('1') },
        { resourceName: GPU, deviceIds: ['1'], topology: null },
      ],
      cpuIds: ['2', '3'],
      memory,
      dynamicResources: [],
    },
  ],
};

test('List tells what running Pods hold; not of those that are over or still wait', async () => {
  const { podResources } = await v1().unary('List', {});
  expect(podResources.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(podResources[0]).toEqual(a);
});

test('Pods with hundreds of devices are told of in full, as they held them when the question came', async () => {
  const ids = Array.from({ length: 300 }, (_, i) => `gpu-${i}`);
  for (let pod = 0; pod < 30; pod++) {
    enter(`many-${pod}`);
    give(`uid-many-${pod}`, 'main', ids);
    give(`uid-many-${pod}`, 'side', ['x']);
  }
  const asked = v1().unary('List', {});
  await until(() => counted.length > 0);
  for (let pod = 0; pod < 30; pod++) book.release(`uid-many-${pod}`);
  const { podResources } = await asked;
  const many = podResources.filter(({ name }) => name.startsWith('many-'));
  expect(many).toHaveLength(30);
  for (const { containers } of many) {
    expect(containers.map(({ name }) => name)).toEqual(['side', 'main']);
    expect(containers.map(({ devices }) => devices.flatMap(({ deviceIds }) => deviceIds))).toEqual([['x'], ids]);
    expect(containers.map((container) => container.cpuIds)).toEqual([[], []]);
  }
});

test('Get tells of one Pod, and that there is none, in kubelet’s words', async () => {
  expect((await v1().unary('Get', { podName: 'a', podNamespace: 'ns' })).podResources).toEqual(a);
  await expect(v1().unary('Get', { podName: 'a', podNamespace: 'other' })).rejects.toThrow(
    'pod a in namespace other not found',
  );
  expect(counted).toEqual(['v1 get', 'v1 get', 'v1 get failed']);
});

test('GetAllocatableResources tells all healthy devices, taken or not', async () => {
  expect(await v1().unary('GetAllocatableResources', {})).toEqual({
    devices: a.containers[1]!.devices,
    cpuIds: ['1', '2', '3'],
    memory: [],
  });
  book.stop(GPU);
  expect((await v1().unary('GetAllocatableResources', {})).devices).toEqual([]);
});

test('v1alpha1 tells devices of main containers, of every Pod', async () => {
  const { podResources } = await v1alpha1().unary('List', {});
  expect(podResources.map(({ name }) => name)).toEqual(['a', 'b', 'over']);
  expect(podResources[0]!.containers).toEqual([
    {
      name: 'main',
      devices: [
        { resourceName: GPU, deviceIds: ['0'] },
        { resourceName: GPU, deviceIds: ['0'] },
        { resourceName: GPU, deviceIds: ['1'] },
      ],
    },
  ]);
  expect(counted).toEqual(['v1alpha1 undefined']);
});

test('ten at once, a hundred a second; what is more is refused and not counted', async () => {
  const ask = () =>
    v1()
      .unary('List', {})
      .then(
        () => 'ok',
        (error: Error) => error.message,
      );
  const answers = await Promise.all(Array.from({ length: 14 }, ask));
  expect(answers.filter((one) => one === 'ok')).toHaveLength(10);
  expect(answers.filter((one) => one === 'rejected by rate limit')).toHaveLength(4);
  expect(counted).toHaveLength(10);
  clock.advance(10);
  expect([await ask(), await ask()]).toEqual(['ok', 'rejected by rate limit']);
});

test('only root may connect', () => {
  expect(statSync(server.path).mode & 0o022).toBe(0);
  expect(statSync(join(root, 'pod-resources')).mode & 0o007).toBe(0);
});
