import { prometheusText } from './prometheusText.ts';
import type { NodeStats, PodStats, SwapStats } from './shapes.ts';

interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
}
interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number | undefined;
  /** API time of the reading; absent for values that are not readings. */
  readonly time?: string | undefined;
}

const seconds = (nanos: number | undefined) => (nanos === undefined ? undefined : nanos / 1e9);
const cpu = (name: string): Family => ({ name, type: 'counter', help: '[STABLE] CPU time used, in core-seconds' });
const memory = (name: string): Family => ({ name, type: 'gauge', help: '[STABLE] Working set, in bytes' });
const swap = (name: string): Family => ({ name, type: 'gauge', help: '[ALPHA] Swap used, in bytes' });
const start: Family = {
  name: 'container_start_time_seconds',
  type: 'gauge',
  help: '[STABLE] Start of the container, in seconds since the epoch',
};
const limit: Family = {
  name: 'container_swap_limit_bytes',
  type: 'gauge',
  help: '[ALPHA] Swap that may be used, in bytes',
};

/** The answer of /metrics/resource (KEP-727): values carry the time at which they were read. */
export function resourceText(node: Pick<NodeStats, 'cpu' | 'memory' | 'swap'>, pods: readonly PodStats[]): string {
  return [...ofContainers(pods), ...ofNode(node), ...ofPods(pods), scrapeErrorText(0)].join('');
}

function ofContainers(pods: readonly PodStats[]): string[] {
  const containers = pods.flatMap((p) =>
    p.containers.map((c) => ({ c, labels: { container: c.name, namespace: p.podRef.namespace, pod: p.podRef.name } })),
  );
  return [
    family(
      cpu('container_cpu_usage_seconds_total'),
      containers.map(({ c, labels }) => ({ labels, value: seconds(c.cpu?.usageCoreNanoSeconds), time: c.cpu?.time })),
    ),
    family(
      memory('container_memory_working_set_bytes'),
      containers.map(({ c, labels }) => ({ labels, value: c.memory?.workingSetBytes, time: c.memory?.time })),
    ),
    family(
      start,
      containers.map(({ c, labels }) => ({ labels, value: Date.parse(c.startTime) / 1000 })),
    ),
    family(
      swap('container_swap_usage_bytes'),
      containers.map(({ c, labels }) => ({ labels, value: c.swap?.swapUsageBytes, time: c.swap?.time })),
    ),
    family(
      limit,
      containers.map(({ c, labels }) => ({ labels, value: swapLimit(c.swap), time: c.swap?.time })),
    ),
  ];
}

function ofNode(node: Pick<NodeStats, 'cpu' | 'memory' | 'swap'>): string[] {
  return [
    family(cpu('node_cpu_usage_seconds_total'), [
      { labels: {}, value: seconds(node.cpu.usageCoreNanoSeconds), time: node.cpu.time },
    ]),
    family(memory('node_memory_working_set_bytes'), [
      { labels: {}, value: node.memory.workingSetBytes, time: node.memory.time },
    ]),
    family(swap('node_swap_usage_bytes'), [{ labels: {}, value: node.swap?.swapUsageBytes, time: node.swap?.time }]),
  ];
}

function ofPods(pods: readonly PodStats[]): string[] {
  const labels = (p: PodStats) => ({ namespace: p.podRef.namespace, pod: p.podRef.name });
  return [
    family(
      cpu('pod_cpu_usage_seconds_total'),
      pods.map((p) => ({ labels: labels(p), value: seconds(p.cpu?.usageCoreNanoSeconds), time: p.cpu?.time })),
    ),
    family(
      memory('pod_memory_working_set_bytes'),
      pods.map((p) => ({ labels: labels(p), value: p.memory?.workingSetBytes, time: p.memory?.time })),
    ),
    family(
      swap('pod_swap_usage_bytes'),
      pods.map((p) => ({ labels: labels(p), value: p.swap?.swapUsageBytes, time: p.swap?.time })),
    ),
  ];
}

/** Whether the numbers could be read: 0, or 1 when they could not. */
export function scrapeErrorText(value: 0 | 1): string {
  const metric = {
    name: 'resource_scrape_error',
    type: 'gauge',
    help: '[STABLE] 1 if the numbers could not be read',
  } as const;
  return prometheusText(metric, [{ labels: {}, value }]);
}

/** What is in use and what is left of it. */
function swapLimit(swap: SwapStats | undefined): number | undefined {
  if (swap?.swapUsageBytes === undefined || swap.swapAvailableBytes === undefined) return undefined;
  return swap.swapAvailableBytes + swap.swapUsageBytes;
}

function family(metric: Family, samples: readonly Sample[]): string {
  const known = samples.flatMap(({ labels, value, time }) =>
    value === undefined || Number.isNaN(value)
      ? []
      : [{ labels, value, atMs: time === undefined ? undefined : Date.parse(time) }],
  );
  return prometheusText(metric, known);
}
