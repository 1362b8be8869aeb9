// Claims of CSI drivers that differ from the usual one: many in one Pod, and one whose driver the cluster explains late.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { makeClaim, makeVolume, removeVolumes } from '../lib/claims.ts';
import { CsiDriverProcess, csiDriverObject } from '../lib/csiDriver.ts';
import { expectWait } from '../lib/expectWait.ts';
import { nodeMounts } from '../lib/leftovers.ts';
import { create, pod, removeAndWait, rest, shell, untilReady } from '../lib/pods.ts';
import type { TestContext } from '../lib/test.ts';

const names = (count: number) => Array.from({ length: count }, (_, i) => `v${i}`);

/** Volumes of the driver, claimed; removed when disposed. */
async function claims(t: TestContext, driver: string, wanted: readonly string[]): Promise<AsyncDisposable> {
  for (const name of wanted) {
    await makeVolume(t, name, { csi: { driver, volumeHandle: name } });
    await makeClaim(t, name);
  }
  return { [Symbol.asyncDispose]: () => removeVolumes(t, ...wanted) };
}

/** A Pod that writes its own name into each of the claims. */
function writes(t: TestContext, name: string, wanted: readonly string[]) {
  const volumeMounts = wanted.map((volume) => ({ name: volume, mountPath: `/volumes/${volume}` }));
  return pod(t, name, {
    volumes: wanted.map((volume) => ({ name: volume, persistentVolumeClaim: { claimName: volume } })),
    containers: [shell('main', `for v in /volumes/*; do echo ${name} > $v/log; done; ${rest}`, { volumeMounts })],
  });
}

/** Fifty claims with --full. */
export async function many(t: TestContext): Promise<void> {
  const name = `many.${t.namespace}.example`;
  await using _object = await csiDriverObject(t, name, { attachRequired: false });
  await using _volumes = await claims(t, name, names(t.full ? 50 : 10));
  await using driver = await new CsiDriverProcess(t, name).start();
  const wanted = names(t.full ? 50 : 10);
  const start = performance.now();
  const made = await create(t, writes(t, 'many', wanted));
  await untilReady(t, 'many');
  t.note(`${wanted.length} claims: Ready after ${Math.round(performance.now() - start)} ms`);
  for (const method of ['NodeStageVolume', 'NodePublishVolume'])
    assert.deepEqual(
      driver
        .of(method)
        .map(({ request }) => request.volumeId)
        .sort(),
      [...wanted].sort(),
    );
  await driver.until('to have every volume written to', () =>
    wanted.every((volume) => existsSync(path.join(driver.dataOf(volume), 'log'))),
  );
  const end = performance.now();
  await removeAndWait(t, made);
  t.note(`gone after ${Math.round(performance.now() - end)} ms`);
  await driver.until('to be asked to unstage all', () => driver.count('NodeUnstageVolume') === wanted.length);
  assert.equal(driver.count('NodeUnpublishVolume'), wanted.length);
  assert.deepEqual(
    nodeMounts(t.lab).filter((line) => line.includes(name) || line.includes(made.metadata?.uid ?? '?')),
    [],
  );
}

/** The wait for an attachment ends when a CSIDriver says that its volumes are not attached. */
export async function told(t: TestContext): Promise<void> {
  const name = `told.${t.namespace}.example`;
  await using _volumes = await claims(t, name, ['v0']);
  await using driver = await new CsiDriverProcess(t, name).start();
  const made = await create(t, writes(t, 'told', ['v0']));
  await expectWait(t, 'told', 'MountingVolume', /not attached according to node status/);
  assert.equal(driver.count('NodeStageVolume'), 0);
  await using _object = await csiDriverObject(t, name, { attachRequired: false });
  await untilReady(t, 'told');
  await removeAndWait(t, made);
  await driver.until('to be asked to unstage', () => driver.count('NodeUnstageVolume') === 1);
}
