// Kubernetes' own metrics-server and HorizontalPodAutoscaler, by what the kubelet measures.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import { startMetricsServer, stopMetricsServer } from '../../hack/cluster/metricsServer.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { patience } from '../lib/collection.ts';
import { condition, shell } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

/** What the autoscaler has read and wants. */
interface Autoscaler {
  status?: {
    currentReplicas?: number;
    desiredReplicas: number;
    currentMetrics?: { resource?: { current: { averageUtilization?: number } } }[] | null;
    conditions?: { type: string; status: string; reason: string; message: string }[];
  };
}

const most = 3;
const limit = 100;
const resources = { requests: { cpu: '20m', memory: '16Mi' }, limits: { cpu: `${limit}m`, memory: '64Mi' } };
/** Burns what it may while there is a file, and rests otherwise. */
const burner = `trap 'exit 0' TERM
while :; do
  if [ -e /load/on ]; then i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done
  else sleep 1 & wait $!; fi
done`;
const autoscalers = (t: TestContext) => `/apis/autoscaling/v2/namespaces/${t.namespace}/horizontalpodautoscalers`;

async function makeObjects(t: TestContext): Promise<void> {
  const labels = { app: 'burner' };
  const template = {
    metadata: { labels },
    spec: {
      terminationGracePeriodSeconds: 2,
      volumes: [{ name: 'load', hostPath: { path: t.directory } }],
      containers: [shell('main', burner, { resources, volumeMounts: [{ name: 'load', mountPath: '/load' }] })],
    },
  };
  await t.lab.api.create(`/apis/apps/v1/namespaces/${t.namespace}/deployments`, {
    metadata: { name: 'burner' },
    spec: { replicas: 1, selector: { matchLabels: labels }, template },
  });
  const target = { type: 'Utilization', averageUtilization: 50 };
  await t.lab.api.create(autoscalers(t), {
    metadata: { name: 'burner' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'burner' },
      ...{ minReplicas: 1, maxReplicas: most },
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target } }],
      behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
    },
  });
}

/** The words of the rows that `kubectl top` prints. */
async function top(t: TestContext, ...args: string[]): Promise<string[][]> {
  const { stdout } = await t.lab.kubectl('top', ...args, '--no-headers');
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.trim().split(/\s+/));
}

/** Waits until `kubectl top` prints rows that are as wanted. */
function untilTop(t: TestContext, args: string[], wanted: (rows: string[][]) => boolean): Promise<string[][]> {
  return waitFor(`kubectl top ${args.join(' ')}`, { timeout: patience, interval: 2000 }, async () => {
    const rows = await top(t, ...args);
    return wanted(rows) ? rows : undefined;
  });
}

async function untilAutoscaler(t: TestContext, what: string, wanted: (of: Autoscaler) => boolean): Promise<Autoscaler> {
  let last: Autoscaler | undefined;
  try {
    return await waitFor(`the autoscaler ${what}`, { timeout: patience, interval: 1000 }, async () => {
      last = await t.lab.api.get<Autoscaler>(`${autoscalers(t)}/burner`);
      return wanted(last) ? last : undefined;
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}; its status: ${JSON.stringify(last?.status)}`);
  }
}

const utilization = ({ status }: Autoscaler) => status?.currentMetrics?.[0]?.resource?.current.averageUtilization;

async function untilReplicas(t: TestContext, count: number): Promise<void> {
  await untilAutoscaler(t, `to want ${count} replicas`, ({ status }) => status?.desiredReplicas === count);
  const ready = () => t.lab.pods.all(t.namespace).filter((p) => condition(p, 'Ready') === 'True');
  await t.lab.pods.until(
    `${count} Ready Pods`,
    () => t.lab.pods.all(t.namespace).length === count && ready().length === count,
  );
}

const number = (text = '', unit: string): number => {
  assert.ok(text.endsWith(unit), `${text} is no number of ${unit}`);
  return Number(text.slice(0, -unit.length));
};

async function scaled(t: TestContext): Promise<void> {
  await makeObjects(t);
  const [[name, cpu, , memory] = []] = await untilTop(t, ['node'], (rows) => /^\d+m$/.test(rows[0]?.[1] ?? ''));
  assert.equal(name, t.lab.node);
  assert.ok(number(memory, 'Mi') > 0, `the node uses ${memory} of memory`);
  await untilAutoscaler(t, 'to have read that nothing is used', (of) => (utilization(of) ?? 100) < 25);
  await untilReplicas(t, 1);
  const [first = []] = await untilTop(t, ['pod', '-n', t.namespace, '--containers'], (rows) => rows.length === 1);
  assert.deepEqual([first[0], first[1]], [t.lab.pods.all(t.namespace)[0]?.metadata?.name, 'main']);
  assert.ok(number(first[2], 'm') < limit / 2, `a Pod that rests uses ${first[2]}`);

  const load = path.join(t.directory, 'on');
  writeFileSync(load, '');
  await untilReplicas(t, most);
  const rows = await untilTop(
    t,
    ['pod', '-n', t.namespace],
    (all) => all.length === most && all.every(([, used]) => number(used, 'm') > limit / 10),
  );
  // The kernel gives no more than the limit; a machine that is busy may read a counter somewhat later than the clock.
  for (const [pod, used] of rows) assert.ok(number(used, 'm') <= limit * 1.25, `${pod} uses ${used} of ${limit}m`);
  t.note(`node ${cpu} ${memory}; under load ${rows.map(([, used, mib]) => `${used} ${mib}`).join(', ')}`);
  rmSync(load);
  await untilReplicas(t, 1);
}

/** With --full only: metrics-server has to be built, and each change takes an autoscaler half a minute. */
async function withMetrics(t: TestContext): Promise<void> {
  if (!t.full) return t.note('only with --full');
  await startMetricsServer(t.lab.cluster);
  try {
    await scaled(t);
  } finally {
    await stopMetricsServer(t.lab.cluster);
  }
}

async function overGo(t: TestContext): Promise<void> {
  if (!t.full) return t.note('only with --full');
  try {
    await stopKubelet(t.lab.cluster);
    await startKubelet(t.lab.cluster, 'go');
    await waitForNodeReady(t.lab.cluster, patience);
    await withMetrics(t);
  } finally {
    await t.lab.restartAgent();
  }
}

export const autoscaling = group('autoscaling', [
  test('kubectl top, and a HorizontalPodAutoscaler that scales up and down', withMetrics, { mode: 'alone' }),
  test('the same with the Go kubelet', overGo, { mode: 'alone' }),
]);
