import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerStatsOut, MetricOut } from '../../cri/generated/runtime.ts';
import { servedPod } from '../../server/fake/fakeHost.ts';
import { Rates } from '../rates.ts';
import { ownCgroupOf, systemContainers } from '../systemContainers.ts';
import { type CadvisorOptions, cadvisorMetrics } from './cadvisorReader.ts';
import { CgroupReader } from './cgroupReader.ts';
import { criMetricsText } from './criMetrics.ts';

let root: string;
let reader: CgroupReader;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cadvisor-'));
  reader = new CgroupReader({ version: 2, of: () => root, all: [root] });
});
afterEach(() => rmSync(root, { recursive: true }));

/** A cgroup v2 directory. */
function cgroup(path: string, usage: number, files: Readonly<Record<string, string>> = {}): void {
  mkdirSync(join(root, path), { recursive: true });
  const all = { 'cpu.stat': 'usage_usec 2000000\n', 'memory.current': `${usage}\n`, 'cgroup.procs': '', ...files };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(root, path, name), text);
}

const machine = {
  cores: 2,
  memoryBytes: 1000,
  swapBytes: 0,
  machineID: 'm',
  systemUUID: 's',
  bootID: 'b',
  kernelVersion: '6',
  osImage: 'An "OS"',
};

async function text(more: Partial<CadvisorOptions> = {}): Promise<string> {
  const options: CadvisorOptions = {
    reader,
    machine,
    rootDir: root,
    wall: () => 60_000,
    pods: { all: () => [servedPod({ namespace: 'ns', name: 'p' })] },
    places: { nodes: ['/kubepods'], system: [], podPath: () => '/kubepods/poduid' },
    containerStats: async () => [],
    ...more,
  };
  let all = '';
  for await (const piece of cadvisorMetrics(options)) all += piece;
  return all;
}

test("the machine's disk", async () => {
  cgroup('', 4000);
  const found = await text();
  const own = `{container="",id="/",image="",name="",namespace="",pod="",device="${root}"}`;
  for (const name of ['io_current', 'sector_reads_total', 'write_seconds_total', 'limit_bytes'])
    expect(found).toContain(`container_fs_${name}${own} `);
});

test.each(['cid', 'cri-containerd-cid.scope'])('machine, Pods and containers (%s)', async (directory) => {
  cgroup('/kubepods', 3000);
  cgroup('/kubepods/poduid', 2000);
  cgroup(`/kubepods/poduid/${directory}`, 1000, { 'cgroup.procs': `${process.pid}\n` });
  cgroup('/kubepods/poduid/sid', 500);
  cgroup('/kubepods/poduid/somebody-elses', 1);
  const layer = { usedBytes: { value: '77' }, fsId: { mountpoint: '/images' } };
  const stats = { attributes: { id: 'cid' }, writableLayer: layer } as unknown as ContainerStatsOut;
  const found = await text({ containerStats: async () => [stats] });
  const of = (container: string, id: string, name: string, image = '') =>
    `container="${container}",id="/kubepods/poduid${id}",image="${image}",name="${name}",namespace="ns",pod="p"`;
  const main = of('c', `/${directory}`, 'cid', 'i');
  for (const line of [
    'machine_cpu_cores{boot_id="b",machine_id="m",system_uuid="s"} 2 60000',
    'machine_cpu_books{boot_id="b",machine_id="m",system_uuid="s"} 0 60000',
    'machine_nvm_capacity{boot_id="b",machine_id="m",system_uuid="s",mode="app_direct_mode"} 0 60000',
    'machine_memory_bytes{boot_id="b",machine_id="m",system_uuid="s"} 1000 60000',
    `container_memory_usage_bytes{${main}} 1000 60000`,
    `container_memory_usage_bytes{${of('', '', '')}} 2000 60000`,
    `container_memory_usage_bytes{${of('', '/sid', 'sid')}} 500 60000`,
    'container_memory_usage_bytes{container="",id="/kubepods",image="",name="",namespace="",pod=""} 3000 60000',
    `container_cpu_usage_seconds_total{${main},cpu="total"} 2 60000`,
    `container_fs_usage_bytes{${main},device="/images"} 77 60000`,
    `container_processes{${main}} 1 60000`,
    `container_last_seen{${main}} 60 60000`,
    'container_scrape_error 0',
    'machine_scrape_error 0',
  ])
    expect(found.split('\n')).toContain(line);
  expect(found).toContain(`container_start_time_seconds{${main}} 0\n`); // a setting: without a time
  expect(found).toContain('osVersion="An \\"OS\\""');
  expect(found).not.toContain('somebody-elses');
});

test('a runtime that does not answer is told of, and the rest is there', async () => {
  cgroup('/kubepods', 3000);
  const found = await text({ containerStats: () => Promise.reject(new Error('away')) });
  expect(found).toContain('container_memory_usage_bytes{container="",id="/kubepods"');
  expect(found).toContain('container_scrape_error 1\n');
});

test('without a cgroup there is nothing but the machine', async () => {
  expect(await text()).toMatch(/machine_memory_bytes/);
  expect(await text()).not.toMatch(/poduid/);
});

test('with PodAndContainerStatsFromCRI they are the runtime’s', () => {
  const metric: Omit<MetricOut, 'timestamp'> = {
    name: 'container_x',
    metricType: 'COUNTER',
    labelValues: ['a"b'],
    value: { value: '5' },
  };
  const broken = { ...metric, labelValues: [], timestamp: '0' };
  const undescribed = { ...metric, name: 'other', timestamp: '0' };
  const metrics = [{ ...metric, timestamp: '60000000000' }, broken, undescribed];
  const pods = [{ podSandboxId: 's', metrics: [], containerMetrics: [{ containerId: 'c', metrics }] }];
  const descriptors = [{ name: 'container_x', help: 'X', labelKeys: ['id'] }];
  expect([...criMetricsText(descriptors, pods)].join('')).toBe(
    '# HELP container_x X\n# TYPE container_x counter\ncontainer_x{id="a\\"b"} 5 60000\n',
  );
});

describe('system containers of the summary', () => {
  test('from their cgroups; Pods have as much available as their limit leaves', () => {
    cgroup('/kubepods', 3000, { 'memory.max': '10000\n' });
    cgroup('/system.slice/containerd.service', 400);
    const paths = { pods: '/kubepods', runtime: '/system.slice/containerd.service', misc: '/none' };
    const found = systemContainers(paths, reader, new Rates(), 60_000);
    expect(found.map((c) => c.name)).toEqual(['kubelet', 'runtime', 'pods']);
    expect(found[2]?.memory).toMatchObject({ usageBytes: 3000, availableBytes: 7000 });
    expect(found[1]?.memory).toMatchObject({ usageBytes: 400 });
    expect(found[1]?.memory).not.toHaveProperty('availableBytes');
    expect(found[0]?.memory?.rssBytes).toBeGreaterThan(1_000_000); // no cgroup of its own: this process
  });

  test.each([
    ['0::/system.slice/kubelet.service\n', '/system.slice/kubelet.service'],
    ['0::/\n', undefined],
    ['5:cpu,cpuacct:/a\n4:memory:/a\n1:name=systemd:/b\n', '/a'],
    ['5:cpu,cpuacct:/a\n4:memory:/b\n', undefined],
    ['', undefined],
  ])('the cgroup of %j is %s', (text, expected) => {
    expect(ownCgroupOf(text)).toBe(expected);
  });
});
