// The process is killed at random moments of everything that it does with CSI volumes, against a driver that is slow, fails and crashes.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { Random } from '../../lib/fake/random.ts';
import { until } from '../../lib/fake/until.ts';
import { RpcStatus } from '../../rpc/service.ts';
import type { FakeCsiDriver } from './fake/driver.ts';
import type { LifePlan } from './fake/life.ts';
import { CsiTestNode, DRIVER, NODE } from './fake/node.ts';
import { attachmentName } from './names.ts';

/** Many more with CSI_KILLS=500. */
const KILLS = Number(process.env.CSI_KILLS ?? 12);
const HANDLES = ['h1', 'h2', 'h3'];
/** Calls of the driver after which a life is killed, and ms from then on: it may be busy with files. */
const MOST_CALLS = 30;
const MOST_MS = 40;

function start(plan: LifePlan): { readonly child: ChildProcess; readonly settled: () => boolean } {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'fake/life.ts'), JSON.stringify(plan)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout!.on('data', (chunk) => {
    said += chunk;
  });
  child.stderr!.on('data', (chunk) => process.stderr.write(chunk));
  return { child, settled: () => said.includes('settled') };
}

function breakNowAndThen(driver: FakeCsiDriver, random: Random): void {
  const isChange = (method: string) => !method.startsWith('NodeGet');
  driver.before = async ({ method }) => {
    await new Promise((resolve) => setTimeout(resolve, random.int(40)));
    if (isChange(method) && random.chance(0.1)) throw new RpcStatus(status.INTERNAL, 'not now');
  };
  driver.late = async ({ method }) => {
    if (isChange(method) && random.chance(0.1)) throw new RpcStatus(status.ABORTED, 'perhaps');
    if (isChange(method) && random.chance(0.03)) {
      await driver.stop();
      await driver.start();
    }
  };
}

test(`nothing is staged twice, leaked, lost or unstaged under a running Pod, whenever the process is killed (${KILLS} times)`, async () => {
  const seed = Number(process.env.CSI_SEED ?? 1);
  const random = new Random(seed);
  await using node = await CsiTestNode.start();
  const driver = await node.driver({ capabilities: ['STAGE_UNSTAGE_VOLUME'] });
  for (const handle of HANDLES)
    node.api.objects.set('VolumeAttachment', {
      metadata: { name: attachmentName(handle, DRIVER, NODE) },
      spec: { attacher: DRIVER, nodeName: NODE, source: {} },
      status: { attached: true },
    });
  let wanted: Record<string, string[]> = {};
  const wrongs: string[] = [];
  breakNowAndThen(driver, random);
  const { before } = driver;
  driver.before = async (call) => {
    const uid = /\/pods\/([^/]+)\//.exec(String(call.request.targetPath ?? ''))?.[1];
    if (call.method === 'NodeUnpublishVolume' && uid && uid in wanted) wrongs.push(`unpublished under Pod ${uid}`);
    await before(call);
  };
  const root = join(node.root, 'kubelet');
  mkdirSync(join(root, 'pods'), { recursive: true });
  const over = new Set<string>();
  const plan = (): LifePlan => ({
    ...{ root, api: node.api.url, socket: join(node.root, 'driver-0.sock') },
    wanted,
    over: [...over],
  });
  for (let kill = 0; kill < KILLS; kill++) {
    const kept = Object.entries(wanted).filter(([uid]) => {
      if (random.chance(0.6)) return true;
      over.add(uid);
      return false;
    });
    const fresh = `pod-${kill}`;
    wanted = { ...Object.fromEntries(kept), [fresh]: HANDLES.filter(() => random.chance(0.6)) };
    const { child, settled } = start(plan());
    const last = driver.calls.length + random.int(MOST_CALLS);
    await until(() => settled() || driver.calls.length >= last, 120_000);
    await new Promise((resolve) => setTimeout(resolve, random.int(MOST_MS)));
    child.kill('SIGKILL');
    await once(child, 'exit');
    if (settled()) for (const [uid, handles] of Object.entries(wanted)) expectPublished(driver, root, uid, handles);
    expect({ seed, kill, wrongs: [...driver.wrongs, ...wrongs] }).toEqual({ seed, kill, wrongs: [] });
  }
  for (const uid of Object.keys(wanted)) over.add(uid);
  wanted = {};
  const { child, settled } = start(plan());
  await until(settled, 120_000);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect([...driver.volumes].filter(([, v]) => v.staged !== undefined || v.published.size > 0)).toEqual([]);
  expect([...driver.wrongs, ...wrongs]).toEqual([]);
  expect(left(join(root, 'plugins/kubernetes.io/csi', DRIVER))).toEqual([]);
  // A directory of which nothing had been done yet, or a note that was not whole, goes with the rest of the Pod's (teardown.ts).
  const csi = (uid: string) => join(root, 'pods', uid, 'volumes/kubernetes.io~csi');
  const inside = (uid: string) => left(csi(uid)).flatMap((name) => left(join(csi(uid), name)));
  expect([...over].flatMap(inside).filter((name) => name !== 'vol_data.json.tmp')).toEqual([]);
}, 600_000);

function left(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

function expectPublished(driver: FakeCsiDriver, root: string, uid: string, handles: readonly string[]): void {
  for (const handle of handles) {
    const target = join(root, 'pods', uid, 'volumes/kubernetes.io~csi', `pv-${handle}`, 'mount');
    expect([...(driver.volumes.get(handle)?.published ?? [])]).toContain(target);
    expect(driver.volumes.get(handle)?.staged).toBeDefined();
  }
}
