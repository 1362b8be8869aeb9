// Pods with hostUsers: false: whose ids the runtime is told, and when they are somebody else's.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../lib/fake/until.ts';
import { FakeNode } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';
import { freshNode } from './fake/freshNode.ts';

const t = freshNode();

interface Ids {
  readonly hostId: number;
}
interface Namespaces {
  readonly usernsOptions: { readonly mode: string; readonly uids: readonly Ids[]; readonly gids: readonly Ids[] };
}
interface Mount {
  readonly containerPath: string;
  readonly uidMappings: readonly Ids[];
  readonly gidMappings: readonly Ids[];
}

const spec = { hostUsers: false, volumes: [{ name: 'v', emptyDir: {} }] };
const main = {
  name: 'main',
  image: 'busybox',
  imagePullPolicy: 'IfNotPresent' as const,
  terminationMessagePath: '/dev/termination-log',
  volumeMounts: [{ name: 'v', mountPath: '/v' }],
};
const ownPod = (name: string) => fakePod(name, { ...spec, containers: [main] });
const isReady = (uid: string) => t.node.isReady(uid);
const fileOf = (uid: string) => join(t.world.root, 'pods', uid, 'userns');
const written = (uid: string) => JSON.parse(readFileSync(fileOf(uid), 'utf8'));

function sandboxIds(index: number): Namespaces['usernsOptions'] {
  const { request } = t.world.cri.callsTo('RunPodSandbox')[index]!;
  const { config } = request as { config: { linux: { securityContext: { namespaceOptions: Namespaces } } } };
  return config.linux.securityContext.namespaceOptions.usernsOptions;
}

test('sandbox, container and each of its mounts have the ids that stand in its file', async () => {
  t.node.setPod(ownPod('web'));
  await until(() => isReady('uid-web'));
  const { uidMappings, gidMappings } = written('uid-web');
  expect(uidMappings).toEqual([{ hostId: expect.any(Number), containerId: 0, length: 65536 }]);
  expect(sandboxIds(0)).toMatchObject({ mode: 'POD', uids: uidMappings, gids: gidMappings });
  const { request } = t.world.cri.callsTo('CreateContainer')[0]!;
  const { config } = request as {
    config: { linux: { securityContext: { namespaceOptions: Namespaces } }; mounts: Mount[] };
  };
  expect(config.linux.securityContext.namespaceOptions.usernsOptions).toMatchObject({
    mode: 'POD',
    uids: uidMappings,
    gids: gidMappings,
  });
  expect(config.mounts.map((m) => m.containerPath).sort()).toEqual(['/dev/termination-log', '/etc/hosts', '/v']);
  for (const mount of config.mounts) expect(mount).toMatchObject({ uidMappings, gidMappings });
});

test('a Pod without the field has none, in so many words', async () => {
  t.node.setPod(fakePod('plain'));
  await until(() => isReady('uid-plain'));
  expect(sandboxIds(0)).toMatchObject({ mode: 'NODE' });
  expect(existsSync(fileOf('uid-plain'))).toBe(false);
});

test('a restart of the kubelet and a new sandbox keep the ids; what is left of the Pod gives them back', async () => {
  t.node.setPod(ownPod('web'));
  await until(() => isReady('uid-web'));
  const before = written('uid-web');
  t.node.crash();
  t.node = await new FakeNode(t.world).start();
  t.node.setPod(ownPod('other'));
  await until(() => isReady('uid-other') && isReady('uid-web'));
  expect(written('uid-other').uidMappings[0].hostId).not.toBe(before.uidMappings[0].hostId);
  const [sandbox] = t.world.cri.sandboxesOf('uid-web');
  t.world.cri.killSandbox(sandbox!.id);
  await until(() => t.world.cri.callsTo('RunPodSandbox').length === 3 && isReady('uid-web'));
  expect(written('uid-web')).toEqual(before);
  expect(sandboxIds(2).uids).toEqual(before.uidMappings);
  t.node.deletePod('uid-web', 1);
  await until(() => t.node.workers.get('uid-web') === undefined);
  // The place is free: another Pod with the same search gets it.
  t.node.setPod(ownPod('third'));
  await until(() => isReady('uid-third'));
  expect(written('uid-third')).toEqual(before);
});

test('a Pod that has ended has no ids any more, though the API server still shows it', async () => {
  t.node.setPod(fakePod('job', { ...spec, containers: [main], restartPolicy: 'Never' }));
  await until(() => isReady('uid-job'));
  expect(existsSync(fileOf('uid-job'))).toBe(true);
  const [container] = [...t.world.cri.world.containers.values()];
  t.world.cri.exitContainer(container!.id, 0);
  await until(() => t.node.status('uid-job')?.phase === 'Succeeded' && !existsSync(fileOf('uid-job')));
});

test('a kill before the ids were given back: the next agent gives them back', async () => {
  t.node.setPod(fakePod('job', { ...spec, containers: [main], restartPolicy: 'Never' }));
  await until(() => isReady('uid-job'));
  const { node } = t;
  const dead = Promise.withResolvers<void>();
  node.beforeEffect = (_uid, { kind }) => {
    if (kind !== 'removeCgroup') return;
    node.crash();
    dead.resolve();
  };
  const [container] = [...t.world.cri.world.containers.values()];
  t.world.cri.exitContainer(container!.id, 0);
  await dead.promise;
  expect(existsSync(fileOf('uid-job'))).toBe(true);
  t.node = await new FakeNode(t.world).start();
  await until(() => t.node.status('uid-job')?.phase === 'Succeeded' && !existsSync(fileOf('uid-job')));
});

test('a runtime without user namespaces: an event in kubelet’s words, no sandbox; it starts when the runtime has them', async () => {
  t.world.userNamespaces = false;
  t.node.setPod(ownPod('web'));
  const message =
    "Failed to create pod sandbox: can't set `spec.hostUsers: false`, runtime does not support user namespaces";
  await until(() => t.node.events.some((event) => event.message === message));
  expect(t.world.cri.callsTo('RunPodSandbox')).toHaveLength(0);
  expect(existsSync(fileOf('uid-web'))).toBe(false);
  t.world.userNamespaces = true;
  await until(() => isReady('uid-web'));
});

test('a file that the Go kubelet left is taken over', async () => {
  const row = [{ hostId: 655360, containerId: 0, length: 65536 }];
  t.node.crash();
  mkdirSync(join(t.world.root, 'pods', 'uid-web'), { recursive: true });
  writeFileSync(fileOf('uid-web'), JSON.stringify({ uidMappings: row, gidMappings: row }));
  t.node = await new FakeNode(t.world).start();
  t.node.setPod(ownPod('web'));
  await until(() => isReady('uid-web'));
  expect(sandboxIds(0).uids).toEqual(row);
});
