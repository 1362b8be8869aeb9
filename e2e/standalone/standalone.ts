// The quick embedded default: `npm run up -- --standalone`, no control plane, a static Pod running soon.
import assert from 'node:assert/strict';
import path from 'node:path';
import { openCluster } from '../../hack/cluster/control.ts';
import { inside } from '../../hack/cluster/service.ts';
import { tearDown } from '../../hack/cluster/tearDown.ts';
import { repoRoot } from '../../hack/lib/paths.ts';
import { run } from '../../hack/lib/run.ts';
import { group, type TestContext, test } from '../lib/test.ts';

async function up(t: TestContext): Promise<void> {
  const name = `e2e-solo-${process.pid}`;
  const start = performance.now();
  try {
    const output = await run(process.execPath, ['hack/demo/up.ts', '--standalone', '--name', name], { cwd: repoRoot });
    const took = (performance.now() - start) / 1000;
    t.note(`a running Pod after ${took.toFixed(1)} s`);
    assert.ok(took < 180, `it took ${took} s`);
    assert.match(output, /static Pod counter running: done/);
    assert.match(output, /stdout F 1 /, 'what the reading container printed');
    const cluster = openCluster(name);
    const program = path.join(repoRoot, 'hack/bin/kubelet-ts');
    const [command = '', ...args] = inside(cluster, 'node', [program, 'why', `counter-${name}-node`]);
    assert.match(await run(command, args), /nothing holds it back/);
  } finally {
    await tearDown(name);
  }
}

export const standalone = group('standalone', [
  test('a static Pod runs within three minutes', up, { mode: 'alone', ownLab: true }),
]);
