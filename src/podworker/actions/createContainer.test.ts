import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { FakeDevicePlugin, healthyDevices } from '../../devices/fake/fakeDevicePlugin.ts';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import type { ContainerStatus, Pod } from '../../types/k8s.ts';
import { FakeNode } from '../fake/fakeNode.ts';
import { fakePod } from '../fake/fakePod.ts';
import { freshNode } from '../fake/freshNode.ts';
import type { PodFacts } from '../rules/facts.ts';

type Spec = NonNullable<Pod['spec']>;

let clock: ManualClock;
const t = freshNode((world) => {
  clock = new ManualClock(Date.now());
  return new FakeNode(world, clock);
});

const container = (name: string, more: object = {}) => ({
  name,
  image: 'busybox',
  imagePullPolicy: 'IfNotPresent' as const,
  terminationMessagePath: '/dev/termination-log',
  ...more,
});

/** What the runtime was asked to create under that name. */
const requests = (name: string) =>
  t.world.cri
    .callsTo('CreateContainer')
    .map(({ request }) => (request as { config: CreateConfig }).config)
    .filter(({ metadata }) => metadata.name === name);
interface CreateConfig {
  metadata: { name: string };
  envs: { key: string; value: Buffer }[];
  devices: object[];
  annotations: Record<string, string>;
  CDIDevices: object[];
  mounts: { containerPath: string; hostPath: string; selinuxRelabel: boolean }[];
  linux: {
    securityContext: { runAsUser: { value: string } | null; namespaceOptions: { pid: string; targetId: string } };
  };
}
const usersOf = (name: string) => requests(name).map((c) => Number(c.linux.securityContext.runAsUser?.value));
const isRunning = (name: string) => t.world.cri.containersNamed(name).some((c) => c.state === 'CONTAINER_RUNNING');

/** The waiting states that were published, each once. */
function waited(uid: string): string[] {
  const all = (t.world.statuses.get(uid) ?? []).flatMap((s): readonly ContainerStatus[] => [
    ...(s.containerStatuses ?? []),
    ...(s.ephemeralContainerStatuses ?? []),
  ]);
  return [
    ...new Set(
      all.flatMap(({ state }) => (state?.waiting ? [`${state.waiting.reason}: ${state.waiting.message}`] : [])),
    ),
  ];
}

/** Lets time pass, a second at a look, until the condition holds. */
const later = (condition: () => boolean) =>
  until(() => {
    if (condition()) return true;
    clock.advance(1000);
    return false;
  });

const logFiles = (uid: string, name: string) => {
  try {
    return readdirSync(join(t.world.root, 'pods', uid, 'containers', name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
};

describe('the user of an image', () => {
  /** ImageStatus answers until an image was pulled; then that many questions fail. */
  const failAfterPull = (times: number) =>
    t.world.cri.faults.inject(
      'ImageStatus',
      { kind: 'fail', code: status.INTERNAL, message: 'disk is busy' },
      times,
      () => t.world.cri.callsTo('PullImage').length > 0,
    );
  const app = { containers: [container('main', { image: 'app:1' })] };

  test('is asked again at the create when the question after the pull failed', async () => {
    t.world.cri.images.onPull('app:1', { uid: 1000 });
    const fault = failAfterPull(1);
    t.node.setPod(fakePod('web', app));
    await until(() => isRunning('main'));
    expect(fault.hits).toBe(1);
    expect(usersOf('main')).toEqual([1000]);
  });

  test('that cannot be asked for is a CreateContainerConfigError and never root; it is tried again', async () => {
    t.world.cri.images.onPull('app:1', { uid: 1000 });
    failAfterPull(2);
    t.node.setPod(fakePod('web', app));
    const text = 'Failed to inspect image "app:1": rpc error: code = Internal desc = disk is busy';
    await until(() => t.node.events.some((e) => e.message === `Error: ${text}`));
    expect(usersOf('main')).toEqual([]);
    await later(() => isRunning('main'));
    expect(usersOf('main')).toEqual([1000]);
    const failed = t.node.trace.flatMap(
      (record) => (record.facts as PodFacts).slots['container/main']?.last?.error?.reason ?? [],
    );
    expect(new Set(failed)).toEqual(new Set(['CreateContainerConfigError']));
  });

  test('that nobody is named in is root', async () => {
    t.world.cri.images.onPull('app:1', {});
    t.node.setPod(fakePod('web', app));
    await until(() => isRunning('main'));
    expect(usersOf('main')).toEqual([0]);
  });
});

describe('the target of an ephemeral container', () => {
  const debug = (target: string) =>
    [
      { ...container('debug'), targetContainerName: target, restartPolicy: undefined },
    ] as unknown as Spec['ephemeralContainers'];
  const containers = [container('web'), container('other')];
  const targets = () => requests('debug').map((c) => c.linux.securityContext.namespaceOptions);

  test('is the container that runs', async () => {
    t.node.setPod(fakePod('p', { containers }));
    await until(() => isRunning('web') && isRunning('other'));
    t.node.setPod(fakePod('p', { containers, ephemeralContainers: debug('web') }));
    await until(() => isRunning('debug'));
    expect(targets()).toMatchObject([{ pid: 'TARGET', targetId: t.world.cri.containersNamed('web')[0]!.id }]);
  });

  test('is the newest one of that name, even when it has ended: the runtime refuses it and says why', async () => {
    const spec = { containers, restartPolicy: 'Never' };
    t.world.cri.scripts.forContainer('web', { runMs: 0, exitCode: 0 });
    t.node.setPod(fakePod('p', spec));
    await until(() => isRunning('other'));
    await later(() => t.world.cri.containersNamed('web')[0]?.state === 'CONTAINER_EXITED');
    const message = 'failed to set target container: it is not running';
    const refused = { kind: 'fail', code: status.UNKNOWN, message } as const;
    t.world.cri.faults.inject('CreateContainer', refused, 1);
    t.node.setPod(fakePod('p', { ...spec, ephemeralContainers: debug('web') }));
    await until(() => waited('uid-p').includes(`CreateContainerError: ${message}`));
    await later(() => isRunning('debug'));
    const target = { pid: 'TARGET', targetId: t.world.cri.containersNamed('web')[0]!.id };
    expect(targets()).toMatchObject([target, target]);
  });

  test('that never was is a CreateContainerConfigError, and no container is made without it', async () => {
    t.node.setPod(fakePod('p', { containers }));
    await until(() => isRunning('web') && isRunning('other'));
    t.node.setPod(fakePod('p', { containers, ephemeralContainers: debug('nowhere') }));
    const expected = 'CreateContainerConfigError: unable to find target container nowhere';
    await until(() => waited('uid-p').includes(expected));
    const attempts = () =>
      t.node.actions.filter(({ action: a }) => a.kind === 'createContainer' && a.container === 'debug');
    await later(() => attempts().length >= 3);
    expect(requests('debug')).toEqual([]);
  });
});

describe('the termination log', () => {
  const attempts = () => t.node.actions.filter(({ action }) => action.kind === 'createContainer').length;

  test('is there before the call, writable by anybody, one for each container', async () => {
    t.node.setPod(fakePod('p', { containers: [container('main')] }));
    await until(() => isRunning('main'));
    const [mount] = requests('main')[0]!.mounts.filter((m) => m.containerPath === '/dev/termination-log');
    const directory = join(t.world.root, 'pods/uid-p/containers/main');
    expect(logFiles('uid-p', 'main').map((name) => join(directory, name))).toEqual([mount!.hostPath]);
    expect(statSync(mount!.hostPath).mode & 0o777).toBe(0o666);
  });

  test('is not made for a container that may not be created', async () => {
    const securityContext = { runAsNonRoot: true };
    t.node.setPod(fakePod('p', { containers: [container('main', { securityContext })] }));
    await later(() => attempts() >= 4);
    expect(waited('uid-p').join()).toContain('CreateContainerConfigError: container has runAsNonRoot');
    expect(logFiles('uid-p', 'main')).toEqual([]);
  });

  test('goes with a call that the runtime refused', async () => {
    t.world.cri.faults.inject('CreateContainer', { kind: 'fail', code: status.UNKNOWN, message: 'no' }, 3);
    const seen: number[] = [];
    t.node.beforeEffect = (_, action) => {
      if (action.kind === 'createContainer') seen.push(logFiles('uid-p', 'main').length);
    };
    t.node.setPod(fakePod('p', { containers: [container('main')] }));
    await later(() => isRunning('main'));
    expect(seen).toEqual([0, 0, 0, 0]);
    expect(logFiles('uid-p', 'main')).toHaveLength(1);
  });

  test('stays when nobody knows what became of the call', async () => {
    t.world.cri.faults.inject('CreateContainer', { kind: 'unobserved' });
    t.node.setPod(fakePod('p', { containers: [container('main')] }));
    await later(() => isRunning('main'));
    const [mount] = requests('main')[0]!.mounts.filter((m) => m.containerPath === '/dev/termination-log');
    expect(requests('main')).toHaveLength(1);
    expect(logFiles('uid-p', 'main').map((name) => mount!.hostPath.endsWith(name))).toEqual([true]);
  });
});

describe('SELinux labels', () => {
  const items = [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }];
  const sources: Record<string, object> = {
    scratch: { emptyDir: {} },
    memory: { emptyDir: { medium: 'Memory' } },
    config: { configMap: { name: 'c', defaultMode: 0o644 } },
    secret: { secret: { secretName: 's', defaultMode: 0o644 } },
    pod: { downwardAPI: { items, defaultMode: 0o644 } },
    all: { projected: { sources: [{ downwardAPI: { items } }], defaultMode: 0o644 } },
    host: { hostPath: { path: '/etc' } },
  };
  const kinds = Object.keys(sources);
  const app = {
    containers: [container('main', { volumeMounts: kinds.map((name) => ({ name, mountPath: `/${name}` })) })],
    volumes: kinds.map((name) => ({ name, ...sources[name] })),
  } as Partial<Spec>;

  async function relabelled(): Promise<string[]> {
    for (const key of ['ConfigMap default/c', 'Secret default/s'])
      t.node.setObject(key, { metadata: { resourceVersion: '1' }, data: {} });
    t.node.setPod(fakePod('web', app));
    await until(() => isRunning('main'));
    return requests('main')[0]!.mounts.flatMap((m) => (m.selinuxRelabel ? [m.containerPath] : []));
  }

  test('are asked for on what this node made for the Pod, not on the host, with SELinux', async () => {
    t.node[Symbol.dispose]();
    t.world.seLinux = true;
    t.node = await new FakeNode(t.world, clock).start();
    const own = kinds.filter((name) => name !== 'host').map((name) => `/${name}`);
    expect(await relabelled()).toEqual([...own, '/etc/hosts', '/dev/termination-log']);
  });

  test('are not asked for without SELinux', async () => {
    expect(await relabelled()).toEqual([]);
  });
});

describe('devices of plug-ins', () => {
  const GPU = 'vendor.example/gpu';
  const resources = { limits: { [GPU]: '1' }, requests: { [GPU]: '1' } };

  test('reach the container, and its status; a second Pod for the only one is rejected', async () => {
    t.node[Symbol.dispose]();
    await t.node.gone;
    t.world.devicePlugins = true;
    t.node = await new FakeNode(t.world, clock).start();
    const directory = join(t.world.root, 'device-plugins');
    await using gpu = await FakeDevicePlugin.start({ directory, resource: GPU, devices: healthyDevices(['gpu-0']) });
    gpu.allocate = () => ({
      envs: { GPU: 'gpu-0' },
      devices: [{ hostPath: '/dev/null', containerPath: '/dev/gpu', permissions: 'rw' }],
      annotations: { 'vendor.example/note': 'yes' },
      cdiDevices: [{ name: `${GPU}=0` }],
    });
    await gpu.register();
    await until(() => t.node.devices.capacity().allocatable[GPU] === '1');
    t.node.setPod(fakePod('web', { containers: [container('main', { resources }), container('plain')] }));
    await until(() => isRunning('main') && isRunning('plain'));
    const [main] = requests('main');
    expect(main!.envs[0]).toEqual({ key: 'GPU', value: Buffer.from('gpu-0') });
    expect(main!.devices).toEqual([{ hostPath: '/dev/null', containerPath: '/dev/gpu', permissions: 'rw' }]);
    expect(main!.annotations['vendor.example/note']).toBe('yes');
    expect(main!.CDIDevices).toEqual([{ name: `${GPU}=0` }]);
    expect(requests('plain')[0]!.devices).toEqual([]);
    const health = () =>
      t.node.status('uid-web')?.containerStatuses?.find((s) => s.name === 'main')?.allocatedResourcesStatus;
    const told = (is: string) => [{ name: GPU, resources: [{ resourceID: 'gpu-0', health: is }] }];
    expect(health()).toEqual(told('Healthy'));
    expect(t.node.recorder.find('default', 'web')?.holds).toEqual([`main: ${GPU} gpu-0`]);
    await gpu.say([{ ID: 'gpu-0', health: 'Unhealthy' }]);
    await until(() => JSON.stringify(health()) === JSON.stringify(told('Unhealthy')));
    expect(t.node.recorder.find('default', 'web')?.holds).toEqual([`main: ${GPU} gpu-0 (unhealthy)`]);
    await gpu.say(healthyDevices(['gpu-0']));
    await until(() => t.node.devices.capacity().allocatable[GPU] === '1');

    t.node.setPod(fakePod('second', { containers: [container('main', { resources })] }));
    await until(() => t.node.status('uid-second')?.phase === 'Failed');
    expect(t.node.status('uid-second')).toMatchObject({
      reason: 'UnexpectedAdmissionError',
      message: `Pod was rejected: Allocate failed due to requested number of devices unavailable for ${GPU}. Requested: 1, Available: 0, which is unexpected`,
    });
  });

  test('of a Pod that is over are free again; nothing starts before they are allocated', async () => {
    t.node[Symbol.dispose]();
    await t.node.gone;
    t.world.devicePlugins = true;
    t.node = await new FakeNode(t.world, clock).start();
    const directory = join(t.world.root, 'device-plugins');
    await using gpu = await FakeDevicePlugin.start({ directory, resource: GPU, devices: healthyDevices(['gpu-0']) });
    const answer = Promise.withResolvers<object>();
    gpu.allocate = () => answer.promise;
    await gpu.register();
    await until(() => t.node.devices.capacity().allocatable[GPU] === '1');
    t.node.setPod(fakePod('web', { containers: [container('main', { resources })] }));
    await until(() => gpu.count('allocate') === 1);
    expect(t.node.table.get('uid-web')?.reasons).toEqual([
      { code: 'AllocatingDevices', devices: [`main: ${GPU} gpu-0`] },
    ]);
    expect(t.node.actions.map(({ action }) => action.kind)).toEqual(['reserve', 'allocateDevices']);
    answer.resolve({});
    await until(() => isRunning('main'));
    t.node.deletePod('uid-web', 0);
    await until(() => t.node.table.get('uid-web') === undefined);
    gpu.allocate = () => ({});
    t.node.setPod(fakePod('next', { containers: [container('main', { resources })] }));
    await until(() => t.node.isReady('uid-next'));
  });
});
