import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { testMachine } from '../ledger/fake/machine.ts';
import { STATIC_CPUS, testManagers } from '../ledger/fake/managers.ts';
import type { Managers } from '../ledger/managers/managers.ts';
import { until } from '../lib/fake/until.ts';
import { FakeNode, type FakeWorld, fakeWorld } from '../podworker/fake/fakeNode.ts';
import { fakePod } from '../podworker/fake/fakePod.ts';
import type { Pod } from '../types/k8s.ts';
import { placementOf, tellCpus } from './tellCpus.ts';

let world: FakeWorld;
let node: FakeNode;
let managers: Managers;
beforeEach(async () => {
  world = await fakeWorld();
  await start();
});
afterEach(async () => {
  node[Symbol.dispose]();
  await managers.saved();
  await world[Symbol.asyncDispose]();
});

/** A life of the kubelet on a machine with four CPUs, of which the first is reserved. */
async function start(): Promise<void> {
  managers = await testManagers(world.root, { settings: STATIC_CPUS, topology: testMachine(1, 4) });
  world.own = { resources: managers, placement: placementOf(managers) };
  node = new FakeNode(world);
  tellCpus(managers, node.table);
  await node.start();
}

function pod(name: string, cpu?: string): Pod {
  const list = { cpu: cpu ?? '', memory: '64Mi' };
  const resources = cpu === undefined ? {} : { resources: { requests: list, limits: list } };
  return fakePod(name, { containers: [{ name, image: 'busybox', imagePullPolicy: 'IfNotPresent', ...resources }] });
}

async function run(name: string, cpu?: string): Promise<void> {
  node.setPod(pod(name, cpu));
  await until(() => node.isReady(`uid-${name}`));
}

/** The CPUs that each container was made on. */
const made = (name: string) =>
  world.cri
    .callsTo('CreateContainer')
    .map(({ request }) => (request as { config: { metadata: { name: string }; linux: { resources: object } } }).config)
    .filter(({ metadata }) => metadata.name === name)
    .map(({ linux }) => linux.resources as { cpusetCpus?: string; cpuQuota?: unknown });

/** The CPUs that a running container was put on later, in order. */
const moved = (name: string) => {
  const ids = world.cri.containersNamed(name).map(({ id }) => id);
  return world.cri
    .callsTo('UpdateContainerResources')
    .map(({ request }) => request as { containerId: string; linux: { cpusetCpus: string } })
    .filter(({ containerId }) => ids.includes(containerId))
    .map(({ linux }) => linux.cpusetCpus);
};

test('a container with CPUs of its own: made on them, the others moved away, and back when it has ended', async () => {
  await run('shared');
  expect(made('shared')[0]?.cpusetCpus).toBe('0-3');
  await run('own', '2');
  expect(made('own')[0]?.cpusetCpus).toBe('1-2');
  await until(() => moved('shared').at(-1) === '0,3');
  expect(moved('own')).toEqual([]);

  node.setPod(pod('late', '2'));
  await until(() => node.status('uid-late')?.phase === 'Failed');
  expect(node.status('uid-late')).toMatchObject({
    reason: 'UnexpectedAdmissionError',
    message:
      'Pod was rejected: Allocate failed due to not enough cpus available to satisfy request: requested=2, available=1, ' +
      'which is unexpected',
  });
  node.deletePod('uid-own', 0);
  await until(() => moved('shared').at(-1) === '0-3');
});

test('the agent killed: everybody stays where it was, and nobody notices', async () => {
  await run('shared');
  await run('own', '2');
  await until(() => moved('shared').at(-1) === '0,3');
  const seen = () => ['shared', 'own'].map((name) => node.status(`uid-${name}`));
  const before = seen();
  node.crash();
  const file = () => JSON.parse(readFileSync(join(world.root, 'cpu_manager_state'), 'utf8'));
  expect(file().entries).toEqual({ 'uid-own': { own: '1-2' } });

  const calls = world.cri.calls.length;
  await start();
  // It cannot know what its predecessor set, and sets it again.
  await until(() => moved('own').length === 1 && moved('shared').length === 2);
  expect([moved('own'), moved('shared').at(-1)]).toEqual([['1-2'], '0,3']);
  const changes = world.cri.calls.slice(calls).filter(({ method }) => /^(Create|Start|Stop|Remove|Run)/.test(method));
  expect(changes).toEqual([]);
  expect(seen()).toEqual(before);
  managers.keep(new Set(node.table.all().map(({ uid }) => uid)));
  expect(managers.grant('uid-own', 'own').cpus).toEqual([1, 2]);
});
