import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuCheckpoint } from '../../k8s/kubeletCheckpoints.ts';
import { testMachine } from '../fake/machine.ts';
import { testManagers } from '../fake/managers.ts';
import { testNode, testPod } from '../fake/pods.ts';
import { Ledger } from '../ledger.ts';
import { NO_COUNTERS } from './counters.ts';
import type { Managers, ManagersOptions } from './managers.ts';
import { nodeMap, nodeMapText } from './nodeMap.ts';
import type { ManagerSettings } from './settings.ts';

let root: string;
const opened: Managers[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'managers-'));
});
afterEach(async () => {
  for (const managers of opened.splice(0)) await managers.saved();
  rmSync(root, { recursive: true, force: true });
});

const STATIC = { cpuManagerPolicy: 'static' };

async function open(settings: Partial<ManagerSettings> = {}, more: Partial<ManagersOptions> = {}): Promise<Managers> {
  const managers = await testManagers(root, { settings, reservation: { cpuMilli: 500n, memory: 1n << 30n }, ...more });
  opened.push(managers);
  return managers;
}

const own = (cpu: string, memory = '1Gi') => ({ requests: { cpu, memory }, limits: { cpu, memory } });
const file = (name = 'cpu_manager_state') => JSON.parse(readFileSync(join(root, name), 'utf8'));

test('policy none: files as the Go kubelet writes them, and nothing of containers changes', async () => {
  const managers = await open({}, { topology: null });
  expect(readFileSync(join(root, 'cpu_manager_state'), 'utf8')).toBe(
    '{"policyName":"none","defaultCpuSet":"","checksum":1353318690}',
  );
  expect(file('memory_manager_state')).toMatchObject({ policyName: 'None', machineState: {} });
  const pod = testPod('p', own('1'));
  expect(managers.take(pod)).toBeUndefined();
  expect(managers.saved()).toBeUndefined();
  expect([managers.grant('p', 'c').cpus, managers.sharedCpus, managers.unthrottled('p')]).toEqual([[], [], false]);
  expect(managers.allocatableCpus()).toEqual([]);
});

test('static: one container has a CPU alone, which is written down, kept by the next process, and given back', async () => {
  const first = await open(STATIC);
  expect(first.take(testPod('p', own('1')))).toBeUndefined();
  await first.saved();
  expect(file()).toMatchObject({ defaultCpuSet: '0', entries: { p: { c: '1' } } });

  const next = await open(STATIC);
  expect([next.grant('p', 'c').cpus, next.sharedCpus, next.unthrottled('p', 'c')]).toEqual([[1], [0], true]);
  expect(next.take(testPod('p', own('1')))).toBeUndefined();
  expect(next.refuse(testPod('q', own('1')))).toEqual({
    reason: 'UnexpectedAdmissionError',
    message:
      'Allocate failed due to not enough cpus available to satisfy request: requested=1, available=0, which is unexpected',
  });
  let changes = 0;
  next.onChange(() => changes++);
  next.release('p');
  next.release('p');
  expect([next.sharedCpus, changes]).toEqual([[0, 1], 1]);
  await next.saved();
  expect(file().entries).toBeUndefined();
});

test('what is not whole CPUs, or not Guaranteed, runs on the shared ones', async () => {
  const managers = await open(STATIC);
  for (const pod of [testPod('half', own('500m')), testPod('burstable', { requests: { cpu: '1', memory: '1Gi' } })]) {
    expect(managers.take(pod)).toBeUndefined();
  }
  expect(managers.sharedCpus).toEqual([0, 1]);
});

test('state of Pods that no source knows is free once all have reported, not before', async () => {
  const first = await open(STATIC);
  first.take(testPod('p', own('1')));
  await first.saved();
  const next = await open(STATIC);
  next.keep(new Set(['p']));
  expect(next.sharedCpus).toEqual([0]);
  next.keep(new Set(['other']));
  expect(next.sharedCpus).toEqual([0, 1]);
});

const refusal = (error: string, manager = 'CPU') =>
  `could not restore state from checkpoint: ${error}, please drain this node and delete the ${manager} manager ` +
  `checkpoint file "${root}/${manager === 'CPU' ? 'cpu' : 'memory'}_manager_state" before restarting Kubelet`;

test('another policy than the file says is refused, and the file stays', async () => {
  await open(STATIC);
  const before = readFileSync(join(root, 'cpu_manager_state'), 'utf8');
  await expect(open()).rejects.toThrow(
    refusal('configured policy "none" differs from state checkpoint policy "static"'),
  );
  expect(readFileSync(join(root, 'cpu_manager_state'), 'utf8')).toBe(before);
});

test('a corrupt file is refused', async () => {
  writeFileSync(join(root, 'cpu_manager_state'), '{"policyName":"none","defaultCpuSet":"","checksum":1}');
  await expect(open()).rejects.toThrow('could not restore state from checkpoint: checkpoint is corrupted');
  writeFileSync(join(root, 'cpu_manager_state'), 'no JSON');
  await expect(open()).rejects.toThrow('please drain this node and delete the CPU manager checkpoint file');
});

test('a machine with other CPUs than the file is refused', async () => {
  await open(STATIC);
  await expect(open(STATIC, { topology: testMachine(1, 3) })).rejects.toThrow(
    'current set of available CPUs "0-2" doesn\'t match with CPUs in state "0-1"',
  );
});

test('a file from before Kubernetes 1.18 names containers by id; the runtime tells whose they are', async () => {
  const old = { policyName: 'static', defaultCpuSet: '0', entries: { abc: '1' } };
  writeFileSync(join(root, 'cpu_manager_state'), cpuCheckpoint(1).encode(old));
  await expect(open(STATIC)).rejects.toThrow(
    refusal("failed to migrate checkpoint from v1 to v2: containerID 'abc' not found in initial containers list"),
  );
  const find = async () => (id: string) => (id === 'abc' ? { uid: 'p', name: 'c' } : undefined);
  const managers = await open(STATIC, { find });
  expect(managers.grant('p', 'c').cpus).toEqual([1]);
});

test('memory Static: a container has the NUMA node that it fits on; the next process finds it there', async () => {
  const settings = {
    memoryManagerPolicy: 'Static',
    reservedMemory: [{ numaNode: 0, limits: { memory: '1Gi' } }],
    topologyManagerPolicy: 'single-numa-node',
  };
  const topology = testMachine(2);
  const first = await open(settings, { topology });
  expect(first.take(testPod('p', own('1', '3Gi')))).toBeUndefined();
  expect(first.take(testPod('q', own('1', '4Gi')))).toBeUndefined();
  expect([first.grant('p', 'c').memoryNodes, first.grant('q', 'c').memoryNodes]).toEqual([[0], [1]]);
  expect(first.memoryBlocks('p', 'c')).toEqual([{ kind: 'memory', nodes: [0], size: 3n << 30n }]);
  expect(first.allocatableMemory()).toMatchObject([{ size: 3n << 30n }, { size: 4n << 30n }]);
  await first.saved();
  const next = await open(settings, { topology });
  expect(next.grant('q', 'c').memoryNodes).toEqual([1]);
  expect(next.take(testPod('r', own('1')))).toMatchObject({ reason: 'UnexpectedAdmissionError' });
  await expect(open({ ...settings, reservedMemory: [] }, { topology })).rejects.toThrow(
    'the total amount "0" of type "memory" is not equal to the value "1Gi" determined by Node Allocatable feature',
  );
  const other = testMachine(1);
  await expect(open(settings, { topology: other })).rejects.toThrow(
    '[memorymanager] (pod: q, container: c) the memory assignment uses the NUMA that does not exist',
  );
});

test('a Pod whose CPUs cannot be near to each other is refused in kubelet’s words', async () => {
  const managers = await open(
    { ...STATIC, topologyManagerPolicy: 'single-numa-node' },
    { topology: testMachine(2, 2) },
  );
  expect(managers.take(testPod('p', own('3')))).toEqual({
    reason: 'TopologyAffinityError',
    message: 'Resources cannot be allocated with Topology locality',
    lost: 'container c: cpu best from NUMA nodes 0-1; without cpu it would be admitted',
  });
  expect(managers.sharedCpus).toEqual([0, 1, 2, 3]);
});

test('settings that do not fit are refused in Go’s words', async () => {
  await expect(open({ cpuManagerPolicyOptions: { b: '1', a: 'x' } })).rejects.toThrow(
    'new none policy error: None policy: received unsupported options=map[a:x b:1]',
  );
  await expect(open(STATIC, { reservation: { cpuMilli: 0n, memory: 0n } })).rejects.toThrow(
    '[cpumanager] the static policy requires systemreserved.cpu + kubereserved.cpu to be greater than zero',
  );
  const alpha = { cpuManagerPolicyOptions: { 'align-by-socket': 'true' } };
  await expect(open({ ...STATIC, ...alpha })).rejects.toThrow(
    'CPU Manager Policy Alpha-level Options not enabled, but option "align-by-socket" provided',
  );
  const topology = { topologyManagerPolicy: 'restricted' };
  await expect(
    open({ ...topology, topologyManagerPolicyOptions: { 'max-allowable-numa-nodes': '4' } }),
  ).rejects.toThrow('the minimum value of "max-allowable-numa-nodes" should not be less than 8');
  await expect(open(topology, { topology: testMachine(9, 1) })).rejects.toThrow(
    'unsupported on machines with more than 8 NUMA Nodes',
  );
});

test('a Pod that has its CPUs and memory from before is not refused after a restart', async () => {
  const settings = {
    ...STATIC,
    cpuManagerPolicyOptions: { 'full-pcpus-only': 'true' },
    memoryManagerPolicy: 'Static',
    reservedMemory: [{ numaNode: 0, limits: { memory: '1Gi' } }],
  };
  const topology = testMachine(1, 4);
  const { limits, requests } = own('2');
  const init = { name: 'i', resources: own('500m') };
  const pod = testPod('p', { limits, requests, spec: { initContainers: [init] } });
  const first = await open(settings, { topology });
  expect(first.take(pod)).toBeUndefined();
  first.starting(pod, 'c');
  const free = () => file('memory_manager_state').machineState[0].memoryMap.memory.free;
  await first.saved();
  const before = free();

  const next = await open(settings, { topology });
  // Two CPUs are asked for, and one is left.
  expect(next.refuse(pod)).toBeUndefined();
  expect(next.take(pod)).toBeUndefined();
  await next.saved();
  expect([next.grant('p', 'c').cpus, free()]).toEqual([[1, 2], before]);
  expect(next.refuse(testPod('q', own('2')))).toMatchObject({ reason: 'SMTAlignmentError' });
});

test('a machine with NUMA nodes of high ids is refused', async () => {
  const machine = testMachine(2);
  const nodes = machine.nodes.map((node) => ({ ...node, id: node.id * 31 }));
  await expect(open(STATIC, { topology: { ...machine, nodes } })).rejects.toThrow(
    'NUMA node 31 of this machine has an id above 30',
  );
});

test('the ledger: a refused Pod holds nothing, a running one cannot be refused, and nobody hears before it is written', async () => {
  const managers = await open(STATIC);
  const ledger = new Ledger({ node: testNode(), own: managers });
  const fresh = { hasRunningContainers: false, createdAt: 0 };
  const admitted = await ledger.reserve(testPod('p', own('1')), fresh);
  expect(admitted).toMatchObject({ verdict: 'admitted' });
  expect(file().entries).toEqual({ p: { c: '1' } });
  expect(await ledger.reserve(testPod('q', own('1')), fresh)).toMatchObject({ reason: 'UnexpectedAdmissionError' });
  expect(await ledger.reserve(testPod('r', own('1')), { ...fresh, hasRunningContainers: true })).toMatchObject({
    verdict: 'admitted',
  });
  expect(managers.grant('r', 'c').cpus).toEqual([]);
  ledger.release('p');
  expect(await ledger.reserve(testPod('q', own('1')), fresh)).toMatchObject({ verdict: 'admitted' });
  expect(managers.grant('q', 'c').cpus).toEqual([1]);
});

test('a Pod that something else keeps out holds no CPU', async () => {
  const managers = await open(STATIC);
  const ledger = new Ledger({ node: testNode(), own: managers });
  const elsewhere = testPod('p', { ...own('1'), spec: { nodeSelector: { zone: 'b' } } });
  expect(await ledger.reserve(elsewhere, { hasRunningContainers: false, createdAt: 0 })).toMatchObject({
    reason: 'NodeAffinity',
  });
  expect(managers.sharedCpus).toEqual([0, 1]);
});

test('counts what was asked for and what failed', async () => {
  const seen: string[] = [];
  const counters = {
    ...NO_COUNTERS,
    admission: (_ms: number, rejected: boolean) => seen.push(`admission ${rejected}`),
    pinning: (resource: string, failed: boolean) => seen.push(`${resource} ${failed}`),
    aligned: (scope: string, boundary: string, failed: boolean) => seen.push(`${scope} ${boundary} ${failed}`),
  };
  const managers = await open({ ...STATIC, topologyManagerPolicy: 'single-numa-node' }, { counters });
  managers.refuse(testPod('p', own('1')));
  expect(seen.splice(0)).toEqual([
    'admission false',
    'container numa_node false',
    'cpu false',
    'container uncore_cache false',
  ]);
  managers.take(testPod('q', own('2')));
  expect(seen.splice(0)).toEqual(['admission true', 'container numa_node true']);
});

test('the map of the node: which CPUs and memory are where, and whose', async () => {
  const managers = await open(
    {
      ...STATIC,
      memoryManagerPolicy: 'Static',
      reservedMemory: [{ numaNode: 0, limits: { memory: '1Gi' } }],
      topologyManagerPolicy: 'restricted',
    },
    { topology: testMachine(2, 2) },
  );
  managers.take(testPod('p', own('1', '2Gi')));
  const map = nodeMap(managers, (uid) => `default/${uid}`);
  expect(map.holders).toEqual([{ pod: 'default/p', container: 'c', cpus: '1', memoryNodes: '0' }]);
  expect(nodeMapText(map)).toBe(
    [
      'CPU manager static, memory manager Static, topology manager restricted.',
      'Shared CPUs: 0,2-3; never given alone: 0.',
      'NUMA node 0: CPUs 0-1 (shared 0); memory 4Gi: 2Gi given, 1Gi free',
      'NUMA node 1: CPUs 2-3 (shared 2-3); memory 4Gi: 0 given, 4Gi free',
      'Pod default/p, container c: CPUs 1, memory of NUMA node 0',
      '',
    ].join('\n'),
  );
});

test('the map of a node without managers', async () => {
  const managers = await open({}, { topology: null });
  expect(nodeMapText(nodeMap(managers, (uid) => uid))).toBe(
    'CPU manager none, memory manager None, topology manager none.\nNothing divides the CPUs and memory of this machine.\n',
  );
});
