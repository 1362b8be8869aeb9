import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { waitFor } from '../../hack/lib/wait.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { patience } from '../lib/collection.ts';
import { condition, container, create, describePod, image, pod, rest, shell, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

const template = (name: string, script = rest, more: object = {}): object => ({
  metadata: { labels: { app: name } },
  spec: {
    terminationGracePeriodSeconds: 5,
    containers: [{ name: 'main', image, command: ['sh', '-c', script] }],
    ...more,
  },
});

function ready(t: TestContext): Pod[] {
  return t.lab.pods.all(t.namespace).filter((p) => condition(p, 'Ready') === 'True');
}

async function deployment(t: TestContext): Promise<void> {
  const url = `/apis/apps/v1/namespaces/${t.namespace}/deployments`;
  const body = { replicas: 0, selector: { matchLabels: { app: 'web' } }, template: template('web') };
  await t.lab.api.create(url, { metadata: { name: 'web' }, spec: body });
  const start = performance.now();
  await t.lab.api.patch(`${url}/web`, { spec: { replicas: 20 } });
  await t.lab.pods.until(
    '20 Ready Pods',
    () => ready(t).length === 20,
    patience,
    () => `${ready(t).length} Ready`,
  );
  const up = performance.now();
  for (const p of ready(t)) assert.equal(container(p, 'main')?.restartCount, 0);
  await t.lab.api.patch(`${url}/web`, { spec: { replicas: 0 } });
  await t.lab.pods.until('no Pod', () => t.lab.pods.all(t.namespace).length === 0);
  t.note(
    `20 Ready after ${((up - start) / 1000).toFixed(1)} s, gone after ${((performance.now() - up) / 1000).toFixed(1)} s`,
  );
}

async function counter(t: TestContext): Promise<void> {
  const shared = { name: 'shared', mountPath: '/shared' };
  const count = 'i=0; while true; do i=$((i+1)); echo "$i" >> /shared/log; sleep 1; done';
  await create(
    t,
    pod(t, 'counter', {
      volumes: [{ name: 'shared', emptyDir: {} }],
      containers: [
        shell('count', count, { volumeMounts: [shared] }),
        shell('read', 'exec tail -F /shared/log', { volumeMounts: [{ ...shared, readOnly: true }] }),
      ],
    }),
  );
  const { metadata } = await untilReady(t, 'counter');
  const log = path.join(t.lab.cluster.layout.logs, 'pods', `${t.namespace}_counter_${metadata?.uid}`, 'read', '0.log');
  const lines = await waitFor('three numbers in the log of the reading container', { timeout: patience }, () => {
    const numbers = existsSync(log)
      ? readFileSync(log, 'utf8')
          .split('\n')
          .map((l) => l.split(' ')[3] ?? '')
      : [];
    const counted = numbers.filter((n) => /^\d+$/.test(n));
    return counted.length >= 3 ? counted : undefined;
  });
  assert.deepEqual(lines.slice(0, 3), ['1', '2', '3']);
}

async function job(t: TestContext): Promise<void> {
  const url = `/apis/batch/v1/namespaces/${t.namespace}/jobs`;
  const spec = {
    completions: 3,
    parallelism: 2,
    template: template('sum', 'echo $((40+2)) > /dev/termination-log', { restartPolicy: 'Never' }),
  };
  await t.lab.api.create(url, { metadata: { name: 'sum' }, spec });
  const complete = async (): Promise<boolean> => {
    const { status } = await t.lab.api.get<{
      status: { conditions?: { type: string; status: string }[]; succeeded?: number };
    }>(`${url}/sum`);
    return (
      status.conditions?.some((c) => c.type === 'Complete' && c.status === 'True') === true && status.succeeded === 3
    );
  };
  await waitFor('the Job to be Complete', { timeout: patience, interval: 300 }, complete);
  // The Job may be read complete before the watch of the Pods has told the last of them.
  const pods = await t.lab.pods.until(
    '3 Succeeded Pods',
    () => {
      const all = t.lab.pods.all(t.namespace);
      return all.length === 3 && all.every((p) => p.status?.phase === 'Succeeded') ? all : undefined;
    },
    patience,
    () => t.lab.pods.all(t.namespace).map(describePod).join('; '),
  );
  for (const p of pods) {
    const ended = container(p, 'main')?.state?.terminated;
    assert.deepEqual([ended?.exitCode, ended?.reason, ended?.message?.trim()], [0, 'Completed', '42']);
  }
}

async function daemonSet(t: TestContext): Promise<void> {
  const url = `/apis/apps/v1/namespaces/${t.namespace}/daemonsets`;
  await t.lab.api.create(url, {
    metadata: { name: 'agent' },
    spec: { selector: { matchLabels: { app: 'agent' } }, template: template('agent') },
  });
  await t.lab.pods.until('one Ready Pod', () => ready(t).length === 1);
  const [first] = ready(t);
  await t.lab.api.remove(`/api/v1/namespaces/${t.namespace}/pods/${first?.metadata?.name}`);
  await t.lab.pods.until('another Ready Pod', () => {
    const [second] = ready(t);
    return second && second.metadata?.uid !== first?.metadata?.uid;
  });
}

export const deployments = group('deployments', [
  test('Deployment from 0 to 20 and back to 0', deployment, { weight: 9 }),
  test('counter and reader share a volume', counter),
  test('Job runs to its end', job),
  test('DaemonSet keeps its Pod', daemonSet),
]);
