// Random resizes, rivals that come, go and are evicted, and kills of the agent, on a small node: what is granted is what cgroups and containers have in the end.
import { testNode } from '../ledger/fake/pods.ts';
import { takenBy } from '../ledger/rules/room.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { Random } from '../lib/fake/random.ts';
import { until } from '../lib/fake/until.ts';
import type { Pod, ResourceRequirements } from '../types/k8s.ts';
import { FakeNode } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';
import { freshNode } from './fake/freshNode.ts';
import { unnoticed } from './fake/unnoticed.ts';
import { type RecordedDecision, replay } from './replay.ts';

let clock: ManualClock;
const t = freshNode((world) => {
  clock = new ManualClock(Date.now());
  world.nodeView = testNode({}, { pods: '200', cpu: '4', memory: '4Gi' });
  return new FakeNode(world, clock);
});

const both = (cpu: number, memory: number): ResourceRequirements => {
  const amounts = { cpu: `${cpu}m`, memory: `${memory}Mi` };
  return { requests: amounts, limits: amounts };
};

test.each([1, 2, 3, 4, 5, 6, 7, 8])('seed %i', async (seed) => {
  const random = new Random(seed);
  const names = ['a', 'b', 'c'];
  const plain = { image: 'busybox', imagePullPolicy: 'IfNotPresent' };
  const wanted = new Map<string, Pod>();
  const amounts = () => both(random.pick(200, 500, 900, 1500, 2400), random.pick(100, 300, 800, 1500));
  const version = (name: string): Pod => {
    const generation = (wanted.get(name)?.metadata?.generation ?? 0) + 1;
    const containers = [
      { ...plain, name: 'main', resources: amounts() },
      { ...plain, name: 'side', resources: both(random.pick(50, 100), random.pick(20, 50)) },
    ];
    const pod = fakePod(name, { containers }, { generation });
    wanted.set(name, pod);
    return pod;
  };
  const admitted = () => names.filter((name) => t.node.status(`uid-${name}`)?.phase === 'Running');
  const step = async (condition: () => boolean) =>
    until(() => {
      expect(takenBy(t.node.ledger.snapshot().admitted).used.cpu ?? 0n).toBeLessThanOrEqual(4000n);
      if (condition()) return true;
      clock.advance(500);
      return false;
    });
  for (const name of names) t.node.setPod(version(name));
  await step(() => names.every((name) => ['Running', 'Failed'].includes(t.node.status(`uid-${name}`)?.phase ?? '')));
  const alive = admitted();
  const ids = () => t.world.cri.containersNamed('main').map((c) => c.id);
  const before = ids();
  const assertUnnoticed = unnoticed(
    t.world,
    alive.map((name) => `uid-${name}`),
  );
  const rivals: string[] = [];
  /** Takes room that a resize wants, or gives it back, by its own end or an eviction. */
  const compete = (round: number) => {
    if (random.chance(0.4)) {
      t.node.setPod(fakePod(`rival-${round}`, { containers: [{ ...plain, name: 'rival', resources: amounts() }] }));
      rivals.push(`uid-rival-${round}`);
    }
    if (rivals.length === 0 || !random.chance(0.5)) return;
    const [uid = ''] = rivals.splice(random.int(rivals.length), 1);
    if (random.chance(0.5)) t.node.deletePod(uid, 1);
    else t.node.table.end(uid, { cause: 'evicted', graceSeconds: 1, reason: 'Evicted', message: 'm' });
  };
  for (let round = 0; round < 12; round++) {
    compete(round);
    for (const name of alive) if (random.chance(0.6)) t.node.setPod(version(name));
    for (let turn = random.pick(0, 1, 3, 8); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
    if (random.chance(0.5)) {
      expect(replay(JSON.parse(JSON.stringify(t.node.trace)) as RecordedDecision[])).toBeUndefined();
      t.node.crash();
      for (const name of alive)
        t.world.pods.set(`uid-${name}`, { ...wanted.get(name)!, status: t.world.accepted.get(`uid-${name}`)! });
      t.node = await new FakeNode(t.world, clock).start();
    }
  }
  const isQuiet = (name: string) => {
    const entry = t.node.table.get(`uid-${name}`);
    const codes = entry?.reasons.map(({ code }) => code) ?? ['none'];
    const { generation } = wanted.get(name)!.metadata!;
    return codes.every((code) => code === 'ResizePending') && entry?.status?.observedGeneration === generation;
  };
  await step(() => alive.every(isQuiet));
  expect(ids()).toEqual(before);
  assertUnnoticed();
  for (const name of alive) {
    const uid = `uid-${name}`;
    const allocated = t.node.allocated.get(uid)!.containers;
    const milli = (of: ResourceRequirements) => Number.parseInt(of.limits!.cpu!, 10);
    const mebi = (of: ResourceRequirements) => Number.parseInt(of.limits!.memory!, 10);
    const sum = (amount: (of: ResourceRequirements) => number) => amount(allocated.main!) + amount(allocated.side!);
    expect(t.world.podCgroups.get(uid)).toMatchObject({ cpuQuota: sum(milli) * 100, memory: sum(mebi) * 2 ** 20 });
    for (const { name: container, restartCount, resources, containerID } of t.node.status(uid)!.containerStatuses!) {
      expect(restartCount).toBe(0);
      expect(resources?.limits).toEqual(allocated[container]?.limits);
      const real = t.world.cri.containersNamed(container).find(({ id }) => containerID?.endsWith(id));
      expect(Number(real?.resources?.cpuQuota)).toBe(milli(allocated[container]!) * 100);
    }
    const isPending = t.node.status(uid)!.conditions!.some(({ type }) => type === 'PodResizePending');
    const asked = wanted.get(name)!.spec!.containers.map((c) => c.resources);
    expect(isPending).toBe(JSON.stringify(asked) !== JSON.stringify([allocated.main, allocated.side]));
  }
});
