// FlexVolume drivers: programs of the node, as FlexVolume's own tests have them, under both kubelets.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { patience } from '../lib/collection.ts';
import { expectWait } from '../lib/expectWait.ts';
import { untilNothingLeft } from '../lib/leftovers.ts';
import { create, pod, removeAndWait, rest, shell, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed, untilOldEnough } from '../lib/unnoticed.ts';

const FILE = 'greeting';

/** A driver that mounts a tmpfs with one file, for each Pod or, attached, once for the node; it notes its calls. */
function script(log: string, attaches: boolean): string {
  const [mounts, unmounts] = attaches ? ['mountdevice', 'unmountdevice'] : ['mount', 'unmount'];
  return `#!/bin/sh
echo "$1 $2" >> ${log}
ok() { echo '{"status":"Success"}'; exit 0; }
case "$1" in
  init) echo '{"status":"Success","capabilities":{"attach":${attaches}}}'; exit 0;;
  ${attaches ? 'attach|waitforattach) echo \'{"status":"Success","device":"foo"}\'; exit 0;;\n  isattached) echo \'{"status":"Success","attached":true}\'; exit 0;;\n  detach) ok;;' : 'never) ok;;'}
  ${mounts}) mkdir -p "$2" && mount -t tmpfs none "$2" >&2 && echo hello > "$2/${FILE}" && ok;;
  ${unmounts}) rm -f "$2/${FILE}"; umount "$2" 2>/dev/null; mountpoint -q "$2" || ok;;
  *) echo '{"status":"Not supported"}'; exit 0;;
esac
echo '{"status":"Failure","message":"it did not work"}'
exit 1
`;
}

/** A driver of a test, on the node and, where it attaches, with the controller manager. */
class Driver implements Disposable {
  readonly name: string;
  readonly #directories: readonly string[];
  readonly #log: string;
  readonly #attaches: boolean;

  constructor(t: TestContext, name: string, attaches = false) {
    const { layout } = t.lab.cluster;
    const directory = `e2e~${t.namespace}-${name}`;
    this.name = directory.replace('~', '/');
    this.#attaches = attaches;
    this.#log = path.join(t.directory, `${name}.calls`);
    const controller = path.join(layout.state, 'flex-volumes');
    this.#directories = [path.join(layout.node, 'volume-plugins'), ...(attaches ? [controller] : [])].map((parent) =>
      path.join(parent, directory),
    );
  }

  install(): this {
    for (const directory of this.#directories) {
      mkdirSync(directory, { recursive: true });
      const text = script(this.#log, this.#attaches);
      writeFileSync(path.join(directory, this.name.slice(this.name.indexOf('/') + 1)), text, { mode: 0o755 });
    }
    return this;
  }

  /** Commands that it was given, in order, without init. */
  get calls(): string[] {
    const lines = existsSync(this.#log) ? readFileSync(this.#log, 'utf8').trim().split('\n') : [];
    return lines.map((line) => line.split(' ')[0]!).filter((command) => command !== 'init');
  }

  [Symbol.dispose](): void {
    for (const directory of this.#directories) rmSync(directory, { recursive: true, force: true });
  }
}

function user(t: TestContext, name: string, drivers: readonly Driver[]): Pod {
  const volumes = drivers.map((driver, index) => ({ name: `${name}-${index}`, flexVolume: { driver: driver.name } }));
  const volumeMounts = volumes.map((volume) => ({ name: volume.name, mountPath: `/${volume.name}` }));
  const read = volumes.map((volume) => `grep -q hello /${volume.name}/${FILE}`).join(' && ');
  return pod(t, name, { containers: [shell('main', `${read} && ${rest}`, { volumeMounts })], volumes });
}

async function untilUnmounted(t: TestContext, driver: Driver): Promise<void> {
  const name = driver.name.replace('/', '~');
  await waitFor(`nothing of ${name} to be mounted`, { timeout: patience, interval: 100 }, async () => {
    const mounts = await t.lab.onNode('cat', '/proc/self/mountinfo');
    return !mounts.includes(name) && !mounts.includes(driver.name);
  });
}

/** The Pod waits for the driver, starts when it is installed, and keeps its volume when the agent is killed. */
async function comesLate(t: TestContext): Promise<void> {
  using driver = new Driver(t, 'late');
  const made = await create(t, user(t, 'early', [driver]));
  await expectWait(t, 'early', 'VolumeFailed', /no volume plugin matched: there is no FlexVolume driver e2e\/\S+ \(/);
  driver.install();
  await untilReady(t, 'early');
  const seen = Unnoticed.of(t, ['early']);
  await stopKubelet(t.lab.cluster, 'SIGKILL');
  await t.lab.startAgent();
  await t.lab.untilLookedAt([made]);
  await seen.assert('the kill');
  await removeAndWait(t, made);
  await untilNothingLeft(t.lab, made.metadata?.uid ?? '');
  await untilUnmounted(t, driver);
  assert.deepEqual(driver.calls, ['mount', 'unmount']);
}

/** Attached by the controller, mounted for the node, and given back when its Pod is gone. */
async function attached(t: TestContext): Promise<void> {
  if (!t.full) return t.note('only with --full');
  using driver = new Driver(t, 'disk', true).install();
  const made = await create(t, user(t, 'one', [driver]));
  await untilReady(t, 'one');
  const node = t.lab.cluster.layout.kubeletRoot;
  assert.ok(existsSync(path.join(node, 'plugins/kubernetes.io/flexvolume', driver.name, 'mounts/one-0')));
  await removeAndWait(t, made);
  await untilUnmounted(t, driver);
  const after = ['attach', 'waitforattach', 'mountdevice', 'unmountdevice'];
  assert.deepEqual(
    after.map((call) => driver.calls.filter((one) => one === call).length > 0),
    [true, true, true, true],
    `the driver was called as ${driver.calls}`,
  );
}

/** Volumes that one kubelet mounted are the other's, and are taken down by whoever is there at the end. */
async function bothKubelets(t: TestContext): Promise<void> {
  if (!t.full) return t.note('only with --full');
  using plain = new Driver(t, 'plain').install();
  using disk = new Driver(t, 'shared', true).install();
  const become = async (kind: 'go' | 'ts') => {
    await stopKubelet(t.lab.cluster);
    if (kind === 'go') await startKubelet(t.lab.cluster, 'go');
    else await t.lab.startAgent();
    await waitForNodeReady(t.lab.cluster, patience);
  };
  try {
    const names = ['from-ts', 'from-go'];
    const first = await create(t, user(t, 'from-ts', [plain, disk]));
    await untilReady(t, 'from-ts');
    await untilOldEnough(t, ['from-ts']);
    await become('go');
    const second = await create(t, user(t, 'from-go', [plain, disk]));
    await untilReady(t, 'from-go');
    const seen = Unnoticed.of(t, names);
    await become('ts');
    await t.lab.untilLookedAt([first, second]);
    await seen.assert('the change to kubelet-ts');
    await removeAndWait(t, second);
    await untilOldEnough(t, ['from-ts']);
    await become('go');
    await removeAndWait(t, first);
    await become('ts');
    for (const driver of [plain, disk]) await untilUnmounted(t, driver);
    const count = (driver: Driver, call: string) => driver.calls.filter((one) => one === call).length;
    assert.deepEqual([count(plain, 'mount'), count(plain, 'unmount')], [2, 2]);
    assert.deepEqual([count(disk, 'mountdevice'), count(disk, 'unmountdevice')], [2, 2]);
  } finally {
    if (t.lab.cluster.state.kubelet !== 'ts') await t.lab.restartAgent();
  }
}

export const flexVolumes = group('FlexVolume', [
  test('a driver that is installed late, its agent killed', comesLate, { mode: 'alone' }),
  test('a driver that attaches', attached, { mode: 'alone' }),
  test('kubelet-ts, Go kubelet and back with their volumes', bothKubelets, { mode: 'alone' }),
]);
