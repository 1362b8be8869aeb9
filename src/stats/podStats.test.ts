import type { PodSandboxStatsOut } from '../cri/generated/runtime.ts';
import { podStats } from './podStats.ts';
import { Rates } from './rates.ts';
import { resourceText } from './resourceText.ts';
import { wholeSeconds } from './shapes.ts';

const now = Date.parse('2026-01-01T00:00:10Z');
const timestamp = String(BigInt(now) * 1_000_000n - 1_000_000_000n);
const value = (n: number | string) => ({ value: String(n) });
const cpu = { timestamp, usageCoreNanoSeconds: value(5e9), usageNanoCores: null, psi: null };
const memory = {
  timestamp,
  workingSetBytes: value(300),
  availableBytes: value('18446744073709551615'),
  usageBytes: value(400),
  rssBytes: value(200),
  pageFaults: value(7),
  majorPageFaults: value(1),
  psi: { Full: { Total: '5', Avg10: 1, Avg60: 2, Avg300: 3 }, Some: { Total: '6', Avg10: 1, Avg60: 2, Avg300: 3 } },
};
const eth0 = { name: 'eth0', rxBytes: value(10), rxErrors: value(0), txBytes: value(20), txErrors: null };
const container = (id: string, name: string) => ({
  attributes: { id, metadata: { name, attempt: 0 }, labels: {}, annotations: {} },
  cpu,
  memory,
  writableLayer: { timestamp, fsId: null, usedBytes: value(50), inodesUsed: value(5) },
  swap: { timestamp, swapAvailableBytes: value(8), swapUsageBytes: value(2) },
  io: null,
});
const stats = {
  attributes: { id: 's', metadata: { name: 'p', namespace: 'n', uid: 'u', attempt: 0 }, labels: {}, annotations: {} },
  linux: {
    cpu,
    memory,
    network: { timestamp, defaultInterface: eth0, interfaces: [] },
    process: { timestamp, processCount: value(3) },
    containers: [container('a', 'main'), container('b', 'dead')],
    io: null,
  },
  windows: null,
} as unknown as PodSandboxStatsOut;
const figures = { startedMs: now - 9000, containers: { a: { startedMs: now - 8000, memoryLimit: 1000 } } };

test('a Pod of the runtime in the API shape', () => {
  const found = podStats(stats, figures, new Rates(), now);
  expect(found).toMatchObject({
    podRef: { name: 'p', namespace: 'n', uid: 'u' },
    startTime: '2026-01-01T00:00:01.000Z',
    cpu: { time: '2026-01-01T00:00:09.000Z', usageCoreNanoSeconds: 5e9 },
    memory: { workingSetBytes: 300, psi: { full: { total: 5, avg10: 1, avg60: 2, avg300: 3 } } },
    network: { name: 'eth0', rxBytes: 10, txBytes: 20, interfaces: [{ name: 'eth0' }] },
    process_stats: { process_count: 3 },
    swap: { swapAvailableBytes: 8, swapUsageBytes: 2 },
  });
  expect(found.memory).not.toHaveProperty('availableBytes'); // no limit
  expect(found.containers).toEqual([expect.objectContaining({ name: 'main', startTime: '2026-01-01T00:00:02.000Z' })]);
  expect(found.containers[0]?.memory?.availableBytes).toBe(700);
  expect(found.containers[0]?.rootfs).toEqual({ time: '2026-01-01T00:00:09.000Z', usedBytes: 50, inodesUsed: 5 });
});

test('CPU per second comes from two readings, and stays when they are too close', () => {
  const rates = new Rates();
  expect(rates.nanoCores('k', 1_000_000_000, 10_000)).toBeUndefined();
  expect(rates.nanoCores('k', 2_000_000_000, 12_000)).toBe(500_000_000);
  expect(rates.nanoCores('k', 2_900_000_000, 12_100)).toBe(500_000_000);
  expect(rates.nanoCores('k', 1, 20_000)).toBeUndefined(); // it began anew
  expect(rates.nanoCores('k', 1_000_000_001, 21_000)).toBe(1_000_000_000);
});

test('/metrics/resource', () => {
  const pod = podStats(stats, figures, new Rates(), now);
  const time = '2026-01-01T00:00:10Z';
  const node = { cpu: { time, usageCoreNanoSeconds: 2e9 }, memory: { time, workingSetBytes: 9 } };
  const lines = resourceText(node, [pod]).split('\n');
  const at = now - 1000;
  expect(lines).toEqual(
    expect.arrayContaining([
      '# HELP container_cpu_usage_seconds_total [STABLE] CPU time used, in core-seconds',
      '# HELP pod_swap_usage_bytes [ALPHA] Swap used, in bytes',
      '# TYPE container_cpu_usage_seconds_total counter',
      `container_cpu_usage_seconds_total{container="main",namespace="n",pod="p"} 5 ${at}`,
      `container_memory_working_set_bytes{container="main",namespace="n",pod="p"} 300 ${at}`,
      `container_start_time_seconds{container="main",namespace="n",pod="p"} ${(now - 8000) / 1000}`,
      `node_cpu_usage_seconds_total 2 ${now}`,
      `node_memory_working_set_bytes 9 ${now}`,
      `pod_cpu_usage_seconds_total{namespace="n",pod="p"} 5 ${at}`,
      `pod_memory_working_set_bytes{namespace="n",pod="p"} 300 ${at}`,
      `pod_swap_usage_bytes{namespace="n",pod="p"} 2 ${now}`,
      'resource_scrape_error 0',
    ]),
  );
});

test('samples have the millisecond of their reading, and API objects whole seconds', () => {
  const pod = podStats(stats, { ...figures, startedMs: now - 8766 }, new Rates(), now);
  const time = '2026-01-01T00:00:09.321Z';
  const node = { cpu: { time, usageCoreNanoSeconds: 2e9 }, memory: { time, workingSetBytes: 9 } };
  expect(resourceText(node, [pod])).toContain(`node_cpu_usage_seconds_total 2 ${now - 679}\n`);
  const text = JSON.stringify({ node, pods: [pod] }, wholeSeconds);
  expect(text).toContain('"cpu":{"time":"2026-01-01T00:00:09Z"');
  expect(text).toContain('"startTime":"2026-01-01T00:00:01Z"');
  expect(text).not.toMatch(/\.\d+Z/);
});
