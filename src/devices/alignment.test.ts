import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testMachine } from '../ledger/fake/machine.ts';
import { STATIC_CPUS, testManagers } from '../ledger/fake/managers.ts';
import { testNode, testPod } from '../ledger/fake/pods.ts';
import { Ledger } from '../ledger/ledger.ts';
import type { Managers } from '../ledger/managers/managers.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { silentLogger } from '../lib/logger.ts';
import { PodTable } from '../pods/table.ts';
import { DeviceManager } from './deviceManager.ts';

// Devices, CPUs and the topology manager, put together as the agent does it.

const GPU = 'vendor.example/gpu';
let root: string;
let devices: DeviceManager;
let ledger: Ledger;
let managers: Managers;

async function start(topologyManagerPolicy: string): Promise<void> {
  root = mkdtempSync(join(tmpdir(), 'kts-align-'));
  devices = new DeviceManager({ rootDir: root, table: new PodTable(), clock: new ManualClock(), log: silentLogger });
  await devices.load();
  managers = await testManagers(root, {
    settings: { ...STATIC_CPUS, topologyManagerPolicy },
    ...{ topology: testMachine(2, 4), devices: devices.providers },
  });
  ledger = new Ledger({ node: testNode({}, { cpu: '16' }), own: managers, devices: devices.places });
}
afterEach(async () => {
  await managers.saved();
  await devices[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

function say(nodes: Readonly<Record<string, number>>): void {
  const list = Object.entries(nodes).map(([id, node]) => [id, { id, healthy: true, nodes: [node] }] as const);
  devices.book.setDevices(GPU, new Map(list));
}
const wanting = (uid: string, gpus: number, cpus = '1') => {
  const amounts = { cpu: cpus, memory: '1Gi', [GPU]: String(gpus) };
  return testPod(uid, { requests: amounts, limits: amounts });
};
const reserve = (uid: string, gpus: number, cpus?: string) =>
  ledger.reserve(wanting(uid, gpus, cpus), { hasRunningContainers: false, createdAt: 0 });
const nodeOf = (cpus: readonly number[]) => [...new Set(cpus.map((cpu) => Math.floor(cpu / 4)))];

test('a device and the CPUs of its container lie on one NUMA node', async () => {
  await start('single-numa-node');
  say({ a: 1, b: 0, c: 1 });
  expect(await reserve('one', 2)).toMatchObject({ verdict: 'admitted', devices: { devices: [`c: ${GPU} a, c`] } });
  expect(nodeOf(managers.grant('one', 'c').cpus)).toEqual([1]);
  expect(await reserve('two', 1)).toMatchObject({ verdict: 'admitted', devices: { devices: [`c: ${GPU} b`] } });
  expect(nodeOf(managers.grant('two', 'c').cpus)).toEqual([0]);
});

test('what cannot lie on one node is refused with the topology manager’s reason, and nothing is taken', async () => {
  await start('single-numa-node');
  say({ a: 0, b: 1 });
  expect(await reserve('one', 2)).toEqual({
    verdict: 'rejected',
    reason: 'TopologyAffinityError',
    message: 'Resources cannot be allocated with Topology locality',
    lost: 'container c: vendor.example/gpu best from NUMA nodes 0-1, cpu best from NUMA nodes 0 or 1; without vendor.example/gpu it would be admitted',
  });
  expect(devices.book.taken(GPU).size).toBe(0);
  expect(managers.grant('one', 'c').cpus).toEqual([]);
  expect(await reserve('two', 1)).toMatchObject({ verdict: 'admitted' });
});

test('a Pod with devices and no CPUs of its own is asked for as well', async () => {
  await start('single-numa-node');
  say({ a: 0, b: 1 });
  expect(await reserve('one', 2, '500m')).toMatchObject({ reason: 'TopologyAffinityError' });
  expect(await reserve('two', 1, '500m')).toMatchObject({ verdict: 'admitted' });
});

test('without a policy devices are refused before CPUs, in kubelet’s order', async () => {
  await start('none');
  say({ a: 0 });
  expect(await reserve('one', 2, '15')).toMatchObject({
    reason: 'UnexpectedAdmissionError',
    message: `Allocate failed due to requested number of devices unavailable for ${GPU}. Requested: 2, Available: 1, which is unexpected`,
  });
});
