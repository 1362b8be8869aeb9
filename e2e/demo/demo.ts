// The README's first steps, as a new user takes them: `npm run up`, the form for a cluster of one's own, and `npm run down` after a crash.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openCluster, stopKubelet } from '../../hack/cluster/control.ts';
import { leftBehind, snapshot } from '../../hack/cluster/residue.ts';
import { inside, runningService, signalService } from '../../hack/cluster/service.ts';
import type { Cluster } from '../../hack/cluster/state.ts';
import { tearDown } from '../../hack/cluster/tearDown.ts';
import { repoRoot } from '../../hack/lib/paths.ts';
import { run } from '../../hack/lib/run.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { ensureTools } from '../../hack/tools/ensure.ts';
import { connectCri } from '../../src/cri/client.ts';
import { patience } from '../lib/collection.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { unnoticed } from '../lib/unnoticed.ts';

async function firstSteps(t: TestContext): Promise<void> {
  const name = `e2e-demo-${process.pid}`;
  const before = await snapshot();
  try {
    const output = await run(process.execPath, ['hack/demo/up.ts', '--name', name], { cwd: repoRoot });
    assert.match(output, /-node +Ready/, 'the node is shown Ready');
    assert.match(output, /pod\/counter +2\/2 +Running/, 'the counter Pod is shown Running');
    assert.match(output, /deployment.apps\/web +(\d+)\/\1 /, 'the Deployment is shown whole');
    assert.match(output, /timeline default\/counter\n(?:.*\n)*.*createSandbox/, 'the timeline of one Pod is shown');
    const kubeconfig = /export KUBECONFIG=(\S+)/.exec(output)?.[1] ?? '';
    const program = (await ensureTools(['kubernetes'])).bin('kubectl');
    const kubectl = (...args: string[]) => run(program, args, { env: { KUBECONFIG: kubeconfig } });
    assert.match(await kubectl('get', 'nodes'), / Ready /);
    const cluster = openCluster(name);
    const names = (await kubectl('get', 'pods', '-o', 'jsonpath={.items[*].metadata.name}')).trim().split(' ');
    await unnoticed(cluster, names, () => ownCluster(cluster, kubectl));
    // Down after a crash: nothing answers any more.
    for (const service of Object.keys(cluster.state.services)) signalService(cluster, service, 'SIGKILL');
  } finally {
    await tearDown(name);
  }
  const left = await leftBehind(before);
  assert.deepEqual(left, [], 'what is left after down');
  t.note('up, a kubelet-ts by hand, all services killed, down: nothing left');
}

/** `npm run up -- --kubeconfig FILE --runtime-endpoint SOCKET -- FLAGS`: only kubelet-ts, in the foreground; Ctrl-C leaves the Pods. */
async function ownCluster(cluster: Cluster, kubectl: (...args: string[]) => Promise<string>): Promise<void> {
  const { layout } = cluster;
  const pid = runningService(cluster, 'kubelet')?.pid;
  const flags = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    .split('\0')
    .filter((word) => word.startsWith('--') && !word.startsWith('--kubeconfig='));
  await stopKubelet(cluster);
  const endpoint = `unix://${layout.containerdSocket}`;
  const [command = '', ...args] = inside(
    cluster,
    'node',
    [
      ...[process.execPath, path.join(repoRoot, 'hack/demo/up.ts')],
      ...['--kubeconfig', path.join(layout.node, 'kubeconfig'), '--runtime-endpoint', endpoint, '--', ...flags],
    ],
    repoRoot,
  );
  const child = spawn(command, args, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit');
  let said = '';
  child.stderr.on('data', (text) => (said += text));
  try {
    const image = await kubectl('get', 'pod', 'counter', '-o', 'jsonpath={.spec.containers[0].image}');
    await kubectl('run', 'by-hand', `--image=${image.trim()}`, '--command', '--', 'sleep', '1000000');
    const ready = () => kubectl('get', 'pod', 'by-hand', '-o', 'jsonpath={.status.phase}');
    await waitFor('the Pod to run', { timeout: patience }, async () => {
      assert.equal(child.exitCode, null, `kubelet-ts ended: ${said.slice(-2000)}`);
      return (await ready()) === 'Running';
    });
  } finally {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGINT');
  }
  await ended;
  using cri = connectCri({ runtimeEndpoint: endpoint });
  const labelSelector = { 'io.kubernetes.pod.name': 'by-hand' };
  const states = (await cri.listContainers({ labelSelector })).map((c) => c.state);
  assert.deepEqual(states, ['CONTAINER_RUNNING'], 'the Pod goes on without the agent');
}

export const demo = group('demo', [
  test("the README's first steps, and down after a crash", firstSteps, { mode: 'alone', ownLab: true }),
]);
