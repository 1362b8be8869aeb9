import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ApiClient } from '../../src/api/client.ts';
import { openKubeconfig } from '../../src/config/credentials.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { cgroupDirectories } from '../cluster/cgroups.ts';

/**
 * Resizes one Pod again and again and measures, from the moment before the request: until its container's cgroup has the new CPU quota,
 * and until a client with a watch sees that the resize is over. Prints one JSON object. Runs inside the cluster's network namespace.
 */
const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string' },
    node: { type: 'string' },
    cgroup: { type: 'string' },
    count: { type: 'string' },
    prefix: { type: 'string' },
  },
});
const namespace = 'default';
const name = values.prefix ?? 'resized';
const client = new ApiClient((await openKubeconfig(values.kubeconfig!)).current());
const stop = new AbortController();
let latest: Pod | undefined;
let changed = Promise.withResolvers<void>();

const { resourceVersion } = await client.list('Pod', { namespace });
client
  .watch('Pod', {
    namespace,
    resourceVersion,
    signal: stop.signal,
    onEvent: ({ object }: { type: string; object: Pod }) => {
      if (object.metadata?.name !== name) return;
      latest = object;
      changed.resolve();
      changed = Promise.withResolvers();
    },
  } as never)
  .catch(() => {});

const amounts = (cpu: number, memory: number) => ({ cpu: `${cpu}m`, memory: `${memory}Mi` });
const both = (cpu: number, memory: number) => ({ requests: amounts(cpu, memory), limits: amounts(cpu, memory) });

async function until(what: string, condition: (pod: Pod) => boolean): Promise<number> {
  const end = AbortSignal.timeout(180_000);
  while (!latest || !condition(latest)) {
    const { promise, reject } = Promise.withResolvers<void>();
    end.onabort = () => reject(new Error(`${name}: ${what} did not come within 180 s`));
    await Promise.race([changed.promise, promise]);
  }
  return performance.now();
}

function isOver(pod: Pod, generation: number, cpu: number): boolean {
  const { conditions = [], observedGeneration = 0, containerStatuses = [] } = pod.status ?? {};
  const isTold = conditions.some(({ type }) => type === 'PodResizePending' || type === 'PodResizeInProgress');
  return observedGeneration >= generation && !isTold && containerStatuses[0]?.resources?.limits?.cpu === `${cpu}m`;
}

/** The kernel tells nobody of a write. */
async function untilQuota(file: string, quota: number): Promise<number> {
  for (const end = performance.now() + 180_000; performance.now() < end; await sleep(1))
    if (readFileSync(file, 'utf8').split(' ')[0]?.trim() === String(quota)) return performance.now();
  throw new Error(`${name}: ${file} did not become ${quota} within 180 s`);
}

const container = { name: 'pause', image: 'registry.k8s.io/pause:3.10.2', imagePullPolicy: 'IfNotPresent' };
const pod = {
  metadata: { name, namespace },
  spec: {
    nodeName: values.node,
    terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false,
    tolerations: [{ operator: 'Exists' }],
    containers: [{ ...container, resources: both(50, 32) }],
  },
} as Pod;
await client.create('Pod', pod, { namespace });
await until('Running', (now) => now.status?.containerStatuses?.[0]?.state?.running !== undefined);
const id = latest?.status?.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? '';
const file = cgroupDirectories(`${values.cgroup}/kubepods`)
  .filter((directory) => directory.endsWith(`/${id}`))
  .flatMap((directory) => [`${directory}/cpu.cfs_quota_us`, `${directory}/cpu.max`])
  .find((path) => {
    try {
      return readFileSync(path, 'utf8') !== '';
    } catch {
      return false;
    }
  });
if (!file) throw new Error(`the cgroup of ${id} has no CPU quota`);

const cgroups: number[] = [];
const statuses: number[] = [];
for (let i = 0; i < Number(values.count ?? 8); i++) {
  const [cpu, memory] = i % 2 === 0 ? [100, 48] : [50, 32];
  const spec = { containers: [{ ...container, resources: both(cpu!, memory!) }] };
  const from = performance.now();
  const asked = await client.patch('Pod', { namespace, name }, 'strategic', { spec }, { subresource: 'resize' });
  const generation = asked.metadata?.generation ?? 0;
  const [written, told] = await Promise.all([
    untilQuota(file, cpu! * 100),
    until('the end of the resize', (now) => isOver(now, generation, cpu!)),
  ]);
  cgroups.push(written - from);
  statuses.push(told - from);
}
await client.delete('Pod', { namespace, name });
stop.abort();
console.log(JSON.stringify({ cgroups, statuses }));
process.exit(0);
