// Property: whatever happens to Pods, plug-ins and this process, nothing is given twice, and all of it is given back.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testMachine } from '../ledger/fake/machine.ts';
import { STATIC_CPUS, testManagers } from '../ledger/fake/managers.ts';
import { testNode, testPod } from '../ledger/fake/pods.ts';
import { Ledger } from '../ledger/ledger.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { silentLogger } from '../lib/logger.ts';
import { PodTable } from '../pods/table.ts';
import { DeviceCheckpoint } from './checkpoint.ts';
import { encodeAnswer } from './deviceAnswer.ts';
import { DeviceManager } from './deviceManager.ts';

const GPU = 'vendor.example/gpu';
const UIDS = ['a', 'b', 'c', 'd', 'e'];
const ANSWER = encodeAnswer({});
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'reserved-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** One life of the ledger, its managers and devices. */
async function open() {
  const devices = new DeviceManager({
    ...{ rootDir: root, table: new PodTable(), clock: new ManualClock() },
    log: silentLogger,
  });
  await devices.load();
  const managers = await testManagers(root, {
    settings: { ...STATIC_CPUS, topologyManagerPolicy: 'best-effort' },
    ...{ topology: testMachine(2, 4), devices: devices.providers },
  });
  const ledger = new Ledger({ node: testNode({}, { cpu: '9' }), own: managers, devices: devices.places });
  return { devices, managers, ledger };
}

function randomOf(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

async function run(seed: number): Promise<void> {
  const random = randomOf(seed);
  let life = await open();
  const pods = new Map<string, { pod: ReturnType<typeof testPod>; runs: boolean }>();
  const list = () => {
    const there = ['0', '1', '2', '3', '4', '5'].filter(() => random(6) > 0);
    const devices = there.map((id) => [id, { id, healthy: random(8) > 0, nodes: [random(2)] }] as const);
    life.devices.book.setDevices(GPU, new Map(devices));
  };
  const nothing = (uid: string, when: string) => {
    const { devices, managers } = life;
    const left = [devices.book.heldFor(uid).devices, devices.book.assignments(uid), managers.grant(uid, 'c').cpus];
    expect({ seed, when, left }).toEqual({ seed, when, left: [[], [], []] });
  };
  const end = (uid: string, when: string) => {
    life.ledger.release(uid);
    life.devices.release(uid);
    pods.delete(uid);
    nothing(uid, when);
  };
  list();
  for (let step = 0; step < 60; step++) {
    const uid = UIDS[random(UIDS.length)]!;
    const known = pods.get(uid);
    const what = random(10);
    if (what === 0) list();
    else if (what === 1) life.devices.book.stop(GPU);
    else if (what === 2) {
      // Killed: what the checkpoint and state files have is all that is known.
      await life.managers.saved();
      await life.devices[Symbol.asyncDispose]();
      await new DeviceCheckpoint(join(root, 'device-plugins'), life.devices.book, silentLogger).save();
      life = await open();
      if (random(2) === 0) list();
      for (const [name, { pod, runs }] of pods) {
        const verdict = await life.ledger.reserve(pod, { hasRunningContainers: runs, createdAt: 0 });
        if (runs) expect({ seed, verdict: verdict.verdict }).toEqual({ seed, verdict: 'admitted' });
        else if (verdict.verdict === 'rejected') end(name, 'rejected after a restart');
      }
      life.managers.keep(new Set(pods.keys()));
    } else if (known && random(2) === 0) end(uid, 'deleted');
    else {
      const amounts = { cpu: String(1 + random(4)), memory: '1Gi', [GPU]: String(random(4)) };
      const pod = known?.pod ?? testPod(uid, { requests: amounts, limits: amounts });
      const verdict = await life.ledger.reserve(pod, { hasRunningContainers: known?.runs ?? false, createdAt: step });
      if (verdict.verdict === 'rejected') {
        if (!known) nothing(uid, `rejected: ${verdict.message}`);
        end(uid, 'rejected');
      } else if (random(4) === 0) end(uid, 'allocation failed');
      else {
        pods.set(uid, { pod, runs: known?.runs ?? true });
        for (let next = life.devices.book.hold(pod); 'plan' in next && next.plan[0]; next = life.devices.book.hold(pod))
          life.devices.book.commit(uid, next.plan[0], ANSWER);
      }
    }
    const ids = life.devices.book.pods().flatMap((one) => life.devices.book.assignments(one).flatMap((x) => x.ids));
    const cpus = UIDS.flatMap((one) => life.managers.grant(one, 'c').cpus);
    expect({ seed, step, twice: ids.length - new Set(ids).size }).toEqual({ seed, step, twice: 0 });
    expect({ seed, step, twice: cpus.length - new Set(cpus).size }).toEqual({ seed, step, twice: 0 });
  }
  for (const uid of UIDS) end(uid, 'at the end');
  expect([...life.devices.book.taken(GPU)]).toEqual([]);
  expect(life.managers.sharedCpus).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(life.ledger.snapshot()).toEqual({ admitted: [], waiting: [] });
  await life.managers.saved();
  await life.devices[Symbol.asyncDispose]();
}

test.each([...Array(4).keys()])(
  'all that is reserved is given back once, in eight random lives (%i)',
  async (group) => {
    for (let i = 0; i < 8; i++) {
      await run(group * 8 + i);
      rmSync(root, { recursive: true, force: true });
      root = mkdtempSync(join(tmpdir(), 'reserved-'));
    }
  },
);
