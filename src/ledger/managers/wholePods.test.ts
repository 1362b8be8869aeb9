// Pods with CPUs and memory as a whole (feature gate PodLevelResourceManagers); what is given to whom is in the records of rules/topology.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoredPod } from '../../types/k8s.ts';
import { testMachine } from '../fake/machine.ts';
import { DEFAULT_GATES, STATIC_CPUS, testManagers } from '../fake/managers.ts';
import { testPod } from '../fake/pods.ts';
import { type ManagerCounters, NO_COUNTERS } from './counters.ts';
import type { Managers } from './managers.ts';

let root: string;
let managers: Managers;
let seen: string[];
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'whole-'));
  seen = [];
  await start();
});
afterEach(async () => {
  await managers.saved();
  rmSync(root, { recursive: true, force: true });
});

async function start(scope = 'pod', podLevel = true): Promise<void> {
  const counters: ManagerCounters = {
    ...NO_COUNTERS,
    pinning: (resource, failed) => seen.push(`${resource} pinned ${!failed}`),
    allocated: (resource, source, failed) => seen.push(`${resource} of ${source} ${!failed}`),
    assigned: (resource, assignment) => seen.push(`${resource} ${assignment}`),
  };
  managers = await testManagers(root, {
    settings: {
      ...STATIC_CPUS,
      memoryManagerPolicy: 'Static',
      reservedMemory: [{ numaNode: 0, limits: { memory: '1Gi' } }],
      topologyManagerPolicy: 'restricted',
      topologyManagerScope: scope,
    },
    ...{ topology: testMachine(2, 4), gates: { ...DEFAULT_GATES, podLevel }, counters },
  });
}

const amounts = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
/** Three CPUs: two are one container's, one is what the others share. */
function whole(uid: string, cpu = '3'): StoredPod {
  const containers = [
    { name: 'own', resources: amounts('2', '1Gi') },
    { name: 'a', resources: {} },
    { name: 'b', resources: { requests: { cpu: '1' } } },
  ];
  return testPod(uid, { spec: { containers, resources: amounts(cpu, '2Gi') } });
}
const file = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'));
const cpus = (uid: string) => ['own', 'a', 'b'].map((name) => managers.grant(uid, name).cpus.join());

test('one container has its CPUs alone, the others share the rest of the Pod’s', async () => {
  expect(managers.take(whole('p'))).toBeUndefined();
  expect(cpus('p')).toEqual(['1,2', '3', '3']);
  expect(managers.sharedCpus).toEqual([0, 4, 5, 6, 7]);
  expect(managers.grant('p', 'a').memoryNodes).toEqual([0]);
  await managers.saved();
  expect(file('cpu_manager_state').podEntries).toEqual({ p: { cpuSet: '1-3' } });
  const memoryBlocks = [{ numaAffinity: [0], type: 'memory', size: 2 ** 31 }];
  expect(file('memory_manager_state').podEntries).toEqual({ p: { memoryBlocks } });
});

test('a container that shares CPUs is throttled, and so is its Pod; one that has CPUs alone is not', () => {
  managers.take(whole('p'));
  expect(['own', 'a', 'b'].map((name) => managers.unthrottled('p', name))).toEqual([true, false, false]);
  expect(managers.unthrottled('p')).toBe(false);
});

test('after a restart it keeps what it has, and gives all of it back', async () => {
  managers.take(whole('p'));
  await managers.saved();
  const before = [cpus('p'), file('cpu_manager_state'), file('memory_manager_state')];
  await start();
  expect(managers.take(whole('p'))).toBeUndefined();
  await managers.saved();
  expect([cpus('p'), file('cpu_manager_state'), file('memory_manager_state')]).toEqual(before);
  expect(managers.unthrottled('p', 'a')).toBe(false);
  managers.release('p');
  await managers.saved();
  expect(managers.sharedCpus).toHaveLength(8);
  expect(file('cpu_manager_state').podEntries).toBeUndefined();
  expect(file('memory_manager_state').machineState['0'].memoryMap.memory).toMatchObject({ reserved: 0 });
});

test('a Pod that leaves nothing for those who share is refused in Go’s words', async () => {
  expect(managers.take(whole('p', '2'))).toEqual({
    reason: 'TopologyAffinityError',
    message: 'Pod Scope pod with pod-level resources failed admission under pod-scope topology manager',
    lost: 'the Pod: cpu from nowhere, memory best from NUMA nodes 0 or 1; without cpu it would be admitted',
  });
  expect(managers.sharedCpus).toHaveLength(8);
});

test('metrics count each container by what it has', () => {
  managers.take(whole('p'));
  expect(seen).toEqual([
    ...['cpu pinned true', 'cpu pod_exclusive', 'cpu of pod true'],
    ...['cpu pod_shared', 'cpu of pod true', 'cpu pod_shared', 'cpu of pod true'],
    'memory pinned true',
    ...['memory pinned true', 'memory pod_exclusive', 'memory of pod true'],
    ...['memory pod_shared', 'memory of pod true', 'memory pod_shared', 'memory of pod true'],
  ]);
});

test('without the gate such a Pod has nothing of its own; a file of the gate is refused, as by the Go kubelet', async () => {
  managers.take(whole('p'));
  await managers.saved();
  await expect(start('pod', false)).rejects.toThrow('could not restore state from checkpoint');
  managers.release('p');
  await managers.saved();
  rmSync(join(root, 'cpu_manager_state'));
  rmSync(join(root, 'memory_manager_state'));
  await start('pod', false);
  expect(managers.take(whole('p'))).toBeUndefined();
  expect(cpus('p')).toEqual(['', '', '']);
});

test('files from before the gate was set are read', async () => {
  rmSync(join(root, 'cpu_manager_state'));
  rmSync(join(root, 'memory_manager_state'));
  await start('pod', false);
  managers.take(testPod('p', amounts('2', '1Gi')));
  await managers.saved();
  await start();
  expect(managers.grant('p', 'c').cpus).toHaveLength(2);
});
