// The agent is killed and started anew on the same runtime and API: nobody who watches Pods may notice.
import { realClock } from '../lib/clock.ts';
import { until } from '../lib/fake/until.ts';
import { FakeNode, type FakeWorld, fakeWorld } from '../podworker/fake/fakeNode.ts';
import { fakePod } from '../podworker/fake/fakePod.ts';
import type { Container, Pod, PodStatus } from '../types/k8s.ts';
import { ProbeSide } from './probeSide.ts';

const probe = (answer: 'yes' | 'no', failureThreshold = 1000) => ({
  exec: { command: [answer] },
  periodSeconds: 1,
  failureThreshold,
});
const main = (more: Partial<Container> = {}): Container => ({ name: 'main', image: 'busybox', ...more });
const passes = { startupProbe: probe('yes'), readinessProbe: probe('yes', 1) };

const pods: Record<string, Pod> = Object.fromEntries(
  [
    fakePod('none'),
    fakePod('readiness', { containers: [main({ readinessProbe: probe('yes', 1) })] }),
    fakePod('unready', { containers: [main({ readinessProbe: probe('no', 1) })] }),
    fakePod('startup', { containers: [main({ startupProbe: probe('yes') })] }),
    fakePod('half-way', { containers: [main({ startupProbe: probe('no'), readinessProbe: probe('yes', 1) })] }),
    fakePod('both', { containers: [main(passes)] }),
    fakePod('sidecar', { initContainers: [main({ name: 'side', restartPolicy: 'Always', ...passes })] }),
    fakePod('gate', { containers: [main(passes)], readinessGates: [{ conditionType: 'example.com/open' }] }),
  ].map((pod) => [pod.metadata!.uid!, pod]),
);
const manifest = fakePod(
  'static',
  { containers: [main(passes)] },
  { annotations: { 'kubernetes.io/config.source': 'file' } },
);
const uids = [...Object.keys(pods), 'uid-static'];

let world: FakeWorld;
let node: FakeNode;
let probes: ProbeSide;
/** Attempts of probes since the last start, by Pod. */
let attempts: Record<string, number>;

beforeEach(async () => {
  world = await fakeWorld();
  world.cri.onExec = ([answer], container) => {
    const uid = container.config.labels?.['io.kubernetes.pod.uid'] ?? '';
    attempts[uid] = (attempts[uid] ?? 0) + 1;
    return { exitCode: answer === 'yes' ? 0 : 1 };
  };
});
afterEach(async () => {
  probes[Symbol.dispose]();
  node[Symbol.dispose]();
  await world[Symbol.asyncDispose]();
});

/** Makes the agent; nothing of it runs yet. */
function agent(): FakeNode {
  attempts = {};
  node = new FakeNode(world);
  const side = new ProbeSide(node.cri, realClock, { pod() {} } as never);
  side.onChange(() => node.workers);
  node.followed = (worker) => side.follow(worker);
  probes = side;
  return node;
}

function kill(): void {
  probes[Symbol.dispose]();
  node.crash();
}

const statuses = (status: PodStatus | undefined) => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
];
const isReady = (uid: string) =>
  statuses(node.status(uid)).every((c) => c.ready) && statuses(node.status(uid)).length > 0;
const hasStarted = (uid: string) => statuses(node.status(uid)).every((c) => c.started) && attempts[uid]! > 0;

/** What Services, budgets and rollouts look at. */
function seen(status: PodStatus | undefined) {
  const conditions = status?.conditions?.map((c) => `${c.type} ${c.status} ${c.lastTransitionTime}`);
  const containers = statuses(status).map(
    (c) => `${c.name} ${c.containerID} ${c.started} ${c.ready} ${c.restartCount}`,
  );
  return { conditions, containers };
}

/** Everything is up, and has been long enough for each probe to have said what it says. */
async function untilSettled(): Promise<void> {
  for (const uid of ['uid-none', 'uid-readiness', 'uid-startup', 'uid-both', 'uid-sidecar', 'uid-gate', 'uid-static'])
    await until(() => isReady(uid));
  await until(() => hasStarted('uid-unready') && attempts['uid-half-way']! > 0);
}

async function firstLife(): Promise<void> {
  await agent().start();
  for (const pod of Object.values(pods)) node.setPod(pod);
  node.setStaticPod(manifest);
  node.showMirror('uid-static');
  await untilSettled();
}

/** Every probe of this life has given a verdict, or (half-way) was asked twice and gave none. */
async function untilProbed(): Promise<void> {
  const verdict = (uid: string, name = 'main') => node.workers.get(uid)?.facts.probes[name]?.ready !== undefined;
  for (const name of ['readiness', 'unready', 'startup', 'both', 'gate', 'static'])
    await until(() => verdict(`uid-${name}`));
  await until(() => verdict('uid-sidecar', 'side'));
  await until(() => attempts['uid-half-way']! > 1);
}

type Start = () => Promise<void>;
const starts: [string, Start][] = [
  [
    'the runtime is listed first',
    async () => {
      await agent().start();
      node.showMirror('uid-static');
    },
  ],
  [
    'Pods are heard of before the runtime was read',
    async () => {
      agent();
      for (const pod of world.pods.values()) node.setPod(pod);
      node.setStaticPod(manifest);
      node.showMirror('uid-static');
      expect(node.workers.get('uid-unready')?.last).toBeUndefined();
      await Promise.resolve();
      expect(node.workers.get('uid-unready')?.last?.facts.runtime).toBeNull();
      await node.start();
    },
  ],
  [
    'a static Pod is looked at before its mirror is known',
    async () => {
      await agent().start();
      await until(() => attempts['uid-static']! > 0);
      node.showMirror('uid-static');
    },
  ],
];

test.each(starts)('nothing is written when %s', async (_, start) => {
  await firstLife();
  for (let life = 0; life < 3; life++) {
    const before = Object.fromEntries(uids.map((uid) => [uid, seen(node.status(uid))]));
    const written = new Map([...world.statuses].map(([uid, all]) => [uid, all.length]));
    kill();
    await start();
    await untilProbed();
    for (const uid of uids) {
      const after = world.statuses.get(uid)!.slice(written.get(uid));
      expect([uid, after]).toEqual([uid, []]);
      expect([uid, seen(node.status(uid))]).toEqual([uid, before[uid]]);
    }
  }
  expect(world.cri.callsTo('StartContainer')).toHaveLength(uids.length + 1);
});

test('a container that ends while the agent is away is not ready before its successor’s probe says so', async () => {
  await firstLife();
  const written = world.statuses.get('uid-readiness')!.length;
  const old = statuses(node.status('uid-readiness'))[0]!.containerID!;
  kill();
  world.cri.exitContainer(old.split('//')[1]!, 1);
  await agent().start();
  await until(() => isReady('uid-readiness') && statuses(node.status('uid-readiness'))[0]!.containerID !== old);
  const after = world.statuses
    .get('uid-readiness')!
    .slice(written)
    .map((status) => statuses(status)[0]!);
  expect(after.findIndex((c) => c.ready)).toBeGreaterThan(after.findIndex((c) => !c.ready));
  expect(after[0]?.ready).toBe(false);
  expect(after.at(-1)).toMatchObject({ ready: true, restartCount: 1 });
});
