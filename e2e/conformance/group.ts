import assert from 'node:assert/strict';
import { tearDown } from '../../hack/cluster/tearDown.ts';
import { conformanceImages } from '../../hack/images/definitions/index.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { runCi } from './ci.ts';
import { conformanceCluster } from './cluster.ts';

async function selection(t: TestContext): Promise<void> {
  const name = `e2e-solo-${process.pid}`; // the runner removes it too, should this program be killed
  try {
    const { passed, red } = await runCi(await conformanceCluster(name, 'ts', conformanceImages));
    t.note(`${passed} specs passed`);
    assert.deepEqual(red, []);
  } finally {
    await tearDown(name);
  }
}

/** The selection of Kubernetes' own specs, on a cluster of its own with kube-proxy and CoreDNS. */
export const conformance = group('conformance', [
  test("specs of Kubernetes' own suites", selection, { mode: 'alone', ownLab: true }),
]);
