import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metrics } from '../k8s/metrics/metrics.ts';
import { testMachine } from '../ledger/fake/machine.ts';
import { DEFAULT_GATES, STATIC_CPUS, testManagers } from '../ledger/fake/managers.ts';
import { testPod } from '../ledger/fake/pods.ts';
import type { Managers } from '../ledger/managers/managers.ts';
import { PodTable } from '../pods/table.ts';
import type { FactUpdate } from '../pods/updates.ts';
import { managerCounters, managerGauges } from './metrics/managerMetrics.ts';
import { placementOf, tellCpus } from './tellCpus.ts';

let root: string;
let managers: Managers;
let metrics: Metrics;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'cpus-'));
  metrics = new Metrics();
  managers = await testManagers(root, {
    ...{ settings: STATIC_CPUS, topology: testMachine(1, 4) },
    counters: managerCounters(metrics),
  });
  managerGauges(metrics, managers);
});
afterEach(async () => {
  await managers.saved();
  rmSync(root, { recursive: true, force: true });
});

const own = { requests: { cpu: '2', memory: '1Gi' }, limits: { cpu: '2', memory: '1Gi' } };

test('everybody hears which CPUs are shared, and a Pod which are its own', () => {
  const table = new PodTable();
  const heard: [string, FactUpdate][] = [];
  for (const uid of ['a', 'b']) {
    table.enter({
      ...{ uid, entry: { uid } as never, end: () => {}, wake: () => {} },
      learn: (update) => heard.push([uid, update]),
    });
  }
  using _telling = tellCpus(managers, table);
  managers.take(testPod('a', own));
  const shared = '0,3';
  expect(heard.splice(0)).toEqual([
    ['a', { kind: 'cpus', cpus: { shared, own: { c: '1-2' } } }],
    ['b', { kind: 'cpus', cpus: { shared, own: {} } }],
    ['a', { kind: 'cpus', cpus: { shared, own: { c: '1-2' } } }],
  ]);
  managers.release('a');
  expect(heard.map(([uid]) => uid)).toEqual(['a', 'b']);
  expect(heard[0]?.[1]).toEqual({ kind: 'cpus', cpus: { shared: '0-3', own: {} } });
});

test('requests to the runtime: own CPUs and no limit of CPU time, or the shared ones', () => {
  const placement = placementOf(managers);
  managers.take(testPod('a', own));
  expect(placement.of('a', 'c')).toEqual({ cpusetCpus: '1-2', cpusetMems: '' });
  expect(placement.of('a', 'debugger')).toEqual({ cpusetCpus: '0,3', cpusetMems: '' });
  expect([placement.unthrottled('a'), placement.unthrottled('a', 'c'), placement.unthrottled('a', 'debugger')]).toEqual(
    [true, true, false],
  );
  expect(placement.unthrottled('b')).toBe(false);
});

test('metrics under kubelet’s names', async () => {
  managers.take(testPod('a', own));
  managers.refuse(testPod('b', { requests: { cpu: '3', memory: '1Gi' }, limits: { cpu: '3', memory: '1Gi' } }));
  const text = await metrics.text();
  for (const line of [
    'kubelet_topology_manager_admission_requests_total 2',
    'kubelet_topology_manager_admission_errors_total 1',
    'kubelet_topology_manager_admission_duration_ms_count 2',
    'kubelet_cpu_manager_pinning_requests_total 2',
    'kubelet_cpu_manager_pinning_errors_total 1',
    'kubelet_memory_manager_pinning_requests_total 0',
    'kubelet_container_aligned_compute_resources_count{scope="container",boundary="uncore_cache"} 1',
    'kubelet_container_aligned_compute_resources_failure_count{scope="container",boundary="physical_cpu"} 0',
    'kubelet_cpu_manager_shared_pool_size_millicores 1000',
    'kubelet_cpu_manager_exclusive_cpu_allocation_count 2',
    'kubelet_cpu_manager_allocation_per_numa{numa_node="0"} 2',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
});

test('what is given out of Pods is counted with the feature gate', async () => {
  const page = (podLevel: boolean): Promise<string> => {
    const counted = new Metrics();
    managerCounters(counted, podLevel).allocated('cpu', 'pod', false);
    return counted.text();
  };
  expect(await page(true)).toContain('resource_manager_allocations_total{resource_name="cpu",source="pod"} 1');
  expect(await page(false)).not.toContain('resource_manager');
});

test('who shares the CPUs of its Pod is told so', async () => {
  await managers.saved();
  rmSync(join(root, 'cpu_manager_state'));
  managers = await testManagers(root, {
    settings: { ...STATIC_CPUS, topologyManagerPolicy: 'best-effort', topologyManagerScope: 'pod' },
    ...{ topology: testMachine(1, 4), gates: { ...DEFAULT_GATES, podLevel: true } },
  });
  const table = new PodTable();
  const heard: FactUpdate[] = [];
  table.enter({ ...{ uid: 'a', entry: {} as never, end() {}, wake() {} }, learn: (update) => heard.push(update) });
  using _telling = tellCpus(managers, table);
  managers.take(testPod('a', { spec: { containers: [{ name: 'x' }, { name: 'y' }], resources: own } }));
  const cpus = { shared: '0,3', own: { x: '1-2', y: '1-2' }, pooled: ['x', 'y'] };
  expect(heard.at(-1)).toEqual({ kind: 'cpus', cpus });
});
