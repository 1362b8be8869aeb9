import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { failure, until } from '../../lib/fake/until.ts';
import { RpcStatus } from '../../rpc/service.ts';
import { podOf } from '../persistent/fake/attachedKind.ts';
import { type FakeCsiDriver, refuses } from './fake/driver.ts';
import { CsiTestNode, DRIVER, NODE } from './fake/node.ts';
import { CsiTestVolumes, csiSpec } from './fake/volumes.ts';
import { attachmentName, publishPath, stagingPath, uniqueName } from './names.ts';

let node: CsiTestNode;
let world: CsiTestVolumes;
let driver: FakeCsiDriver;
const [a, b] = [podOf('a'), podOf('b')];
const disk = csiSpec('h1', { mountOptions: ['noatime', 'discard'] });
const NAME = uniqueName(DRIVER, 'h1');

beforeEach(async () => {
  node = await CsiTestNode.start();
  world = new CsiTestVolumes(node);
  await world.volumes.rebuild();
});
afterEach(async () => {
  world[Symbol.dispose]();
  await node[Symbol.asyncDispose]();
});

const staging = () => stagingPath(node.root, DRIVER, 'h1');
const start = async (options: Parameters<CsiTestNode['registered']>[0] = {}) => {
  driver = await node.registered({ capabilities: ['STAGE_UNSTAGE_VOLUME', 'EXPAND_VOLUME'], ...options });
};
const methods = () => driver.calls.map(({ method }) => method).filter((m) => !m.startsWith('NodeGet'));
const settle = () => until(() => world.volumes.size === 0);

describe('a CSI volume behind a claim', () => {
  test('in use, attached, staged once, published for each Pod, and back; notes on disk as Go writes them', async () => {
    await start();
    const both = Promise.all([world.have(a, disk), world.have(b, disk)]);
    await until(() => world.volumes.inUse()?.length === 1);
    expect([world.volumes.inUse(), driver.count('NodeStageVolume')]).toEqual([[NAME], 0]);
    world.attach('h1', { devicePath: '/dev/x' });
    expect((await both).map(({ path }) => path)).toEqual([
      publishPath(node.root, 'a', 'pv-h1'),
      publishPath(node.root, 'b', 'pv-h1'),
    ]);
    expect(driver.requests('NodeStageVolume')).toEqual([
      expect.objectContaining({
        volumeId: 'h1',
        stagingTargetPath: staging(),
        publishContext: { devicePath: '/dev/x' },
        volumeCapability: {
          accessMode: { mode: 'SINGLE_NODE_WRITER' },
          mount: { fsType: 'ext4', mountFlags: ['noatime', 'discard'], volumeMountGroup: '' },
        },
      }),
    ]);
    expect(driver.requests('NodePublishVolume')[0]).toMatchObject({
      stagingTargetPath: staging(),
      publishContext: { devicePath: '/dev/x' },
    });
    expect(readFileSync(join(dirname(staging()), 'vol_data.json'), 'utf8')).toBe(
      `{"driverName":"${DRIVER}","volumeHandle":"h1"}\n`,
    );
    expect(
      JSON.parse(readFileSync(join(node.root, 'pods/a/volumes/kubernetes.io~csi/pv-h1/vol_data.json'), 'utf8')),
    ).toEqual({
      attachmentID: attachmentName('h1', DRIVER, NODE),
      driverName: DRIVER,
      nodeName: NODE,
      specVolID: 'pv-h1',
      volumeHandle: 'h1',
      volumeLifecycleMode: 'Persistent',
    });
    world.volumes.sourcesSynced();
    await world.leave('a');
    expect(driver.count('NodeUnstageVolume')).toBe(0);
    await world.leave('b');
    await settle();
    expect(methods().slice(3)).toEqual(['NodeUnpublishVolume', 'NodeUnpublishVolume', 'NodeUnstageVolume']);
    expect(existsSync(dirname(staging()))).toBe(false);
    expect(existsSync(join(node.root, 'pods/a/volumes/kubernetes.io~csi/pv-h1'))).toBe(false);
    expect([driver.wrongs, world.volumes.inUse()]).toEqual([[], []]);
  });

  test('a driver that attaches nothing is not waited for, and one that does not stage is told no staging path', async () => {
    world.cluster({ attachRequired: false });
    await start({ capabilities: [] });
    await world.have(a, disk);
    expect(methods()).toEqual(['NodePublishVolume']);
    expect(driver.requests('NodePublishVolume')[0]).toMatchObject({ stagingTargetPath: '', publishContext: {} });
    expect(world.volumes.inUse()).toEqual([]);
    expect(existsSync(staging())).toBe(false);
  });

  test('an SELinux label is a mount option for a driver that takes one, and is noted; the runtime labels nothing then', async () => {
    world.cluster({ attachRequired: false, seLinuxMount: true });
    await start();
    const label = 'system_u:object_r:container_file_t:s0:c1,c2';
    const given = await world.have(podOf('a'), disk, undefined, label);
    expect(given.seLinuxRelabel).toBe(false);
    for (const method of ['NodeStageVolume', 'NodePublishVolume'])
      expect(driver.requests(method)[0]).toMatchObject({
        volumeCapability: { mount: { mountFlags: ['noatime', 'discard', `context="${label}"`] } },
      });
    for (const directory of [dirname(staging()), dirname(given.path)])
      expect(JSON.parse(readFileSync(join(directory, 'vol_data.json'), 'utf8')).seLinuxMountContext).toBe(label);
    const kind = world.volumes.kinds.of(disk);
    const takes = (spec: object) => {
      const objects = { get: () => ({ state: 'present', object: { spec } }) };
      return kind.seLinuxMount?.(disk, podOf('a'), objects as never);
    };
    expect([takes({ seLinuxMount: true }), takes({ seLinuxMount: false }), takes({})]).toEqual([true, false, false]);
  });

  test('what the attacher says is told in kubelet’s words', async () => {
    await start();
    const name = attachmentName('h1', DRIVER, NODE);
    const put = (state: object, deletionTimestamp?: string) =>
      node.api.objects.set('VolumeAttachment', {
        metadata: { name, ...(deletionTimestamp ? { deletionTimestamp } : {}) },
        spec: { attacher: DRIVER, nodeName: NODE, source: {} },
        status: { attached: false, ...state },
      });
    world.attach('h1');
    const said = async () => ((await failure(world.have(a, disk))) as Error).message;
    node.api.objects.remove('VolumeAttachment', undefined, name);
    const words = 'MountVolume.WaitForAttach failed for volume "pv-h1" : ';
    expect(await said()).toBe(
      `${words}volume h1 has GET error for volume attachment ${name}: volumeattachments.storage.k8s.io "${name}" not found`,
    );
    put({});
    expect(await said()).toBe(`${words}volume h1 is not attached for volume attachment ${name}`);
    put({ attachError: { message: 'no more slots' } });
    expect(await said()).toBe(`${words}no more slots`);
    put({ attached: true }, '2026-01-01T00:00:00Z');
    expect(await said()).toBe(`${words}volume attachment is being deleted`);
    expect(methods()).toEqual([]);
  });

  test('a block volume that is not attached yet fails with the reason of block volumes', async () => {
    await start();
    world.attach('h1');
    node.api.objects.remove('VolumeAttachment', undefined, attachmentName('h1', DRIVER, NODE));
    expect(await failure(world.have(a, { ...disk, mode: 'Block' }))).toMatchObject({
      reason: 'FailedMapVolume',
      message: expect.stringMatching(/^MapVolume\.WaitForAttach failed for volume "pv-h1" : volume h1 has GET error/),
    });
  });

  test('a refused stage leaves nothing, and is not undone; one that may have been done is', async () => {
    await start();
    world.attach('h1');
    world.volumes.sourcesSynced();
    driver.before = ({ method }) => {
      if (method === 'NodeStageVolume') refuses('bad disk')({ method, request: {} });
    };
    expect(((await failure(world.have(a, disk))) as Error).message).toBe(
      'MountVolume.MountDevice failed for volume "pv-h1" : rpc error: code = Internal desc = bad disk',
    );
    expect(existsSync(dirname(staging()))).toBe(false);
    await world.leave('a');
    await settle();
    expect(methods()).toEqual(['NodeStageVolume']);
    driver.before = ({ method }) => {
      if (method === 'NodeStageVolume') throw new RpcStatus(status.DEADLINE_EXCEEDED, 'slow');
    };
    await failure(world.have(a, disk));
    await world.leave('a');
    await settle();
    expect(methods().slice(1)).toEqual(['NodeStageVolume', 'NodeUnstageVolume']);
  });

  test('two Pods may know one disk by different names', async () => {
    world.cluster({ attachRequired: false });
    await start();
    const named = (name: string) => csiSpec('h1', {}, { name });
    await world.have(a, named('data'));
    await world.have(b, named('disk'));
    await world.leave('a');
    expect([...driver.volumes.get('h1')!.published]).toEqual([publishPath(node.root, 'b', 'disk')]);
    await world.leave('b');
    expect(driver.volumes.get('h1')!.published.size).toBe(0);
  });

  test('Secrets go to stage and publish', async () => {
    await start();
    world.attach('h1');
    const secret = (name: string) => ({ name, namespace: 'vault' });
    for (const name of ['stage', 'publish'])
      node.api.objects.set('Secret', { metadata: secret(name), data: { key: Buffer.from(name).toString('base64') } });
    const csi = {
      driver: DRIVER,
      volumeHandle: 'h1',
      nodeStageSecretRef: secret('stage'),
      nodePublishSecretRef: secret('publish'),
    };
    await world.have(a, csiSpec('h1', { csi }));
    expect(driver.requests('NodeStageVolume')[0]).toMatchObject({ secrets: { key: 'stage' } });
    expect(driver.requests('NodePublishVolume')[0]).toMatchObject({ secrets: { key: 'publish' } });
  });

  test('after a restart everything is found on disk and taken down without the Pod or the volume', async () => {
    await start();
    world.attach('h1');
    await world.have(a, disk);
    const volumes = world.restart();
    await volumes.rebuild();
    expect(volumes.inUse()).toEqual([NAME]);
    volumes.sourcesSynced();
    await world.leave('a');
    await settle();
    expect(methods()).toEqual(['NodeStageVolume', 'NodePublishVolume', 'NodeUnpublishVolume', 'NodeUnstageVolume']);
    expect(driver.wrongs).toEqual([]);
  });

  test('after a restart a Pod’s volume waits for its driver to register again, and no failure is told', async () => {
    await start();
    world.attach('h1');
    await world.have(a, disk);
    await node.registration.deregister(node.plugin(), node.signal);
    await world.restart().rebuild();
    const again = world.have(a, disk);
    await new Promise((resolve) => setImmediate(resolve));
    await node.registration.register(node.plugin(), node.signal);
    await again;
    expect(methods()).toEqual(['NodeStageVolume', 'NodePublishVolume', 'NodeStageVolume', 'NodePublishVolume']);
  });

  test('a volume that is only staged is found and unstaged', async () => {
    await start();
    world.attach('h1');
    driver.before = ({ method }) => {
      if (method === 'NodePublishVolume') refuses('no')({ method, request: {} });
    };
    await failure(world.have(a, disk));
    const volumes = world.restart();
    await volumes.rebuild();
    volumes.sourcesSynced();
    await settle();
    expect(methods()).toEqual(['NodeStageVolume', 'NodePublishVolume', 'NodeUnstageVolume']);
  });

  test('a directory that was made before anything was noted goes at the next start', async () => {
    await start();
    mkdirSync(staging(), { recursive: true });
    await world.restart().rebuild();
    expect(existsSync(dirname(staging()))).toBe(false);
  });

  test('after a restart one that nothing attaches is not waited for', async () => {
    world.cluster({ attachRequired: false });
    await start();
    await world.have(a, disk);
    const volumes = world.restart();
    await volumes.rebuild();
    await world.have(a, disk);
    expect(volumes.inUse()).toEqual([]);
    expect(driver.volumes.get('h1')!.published.size).toBe(1);
  });

  test('nothing is unstaged under a running Pod, whatever the drivers and the API do', async () => {
    await start();
    world.attach('h1');
    await world.have(a, disk);
    await node.registration.deregister(node.plugin(), node.signal);
    world.volumes.sourcesSynced();
    await node.registration.register(node.plugin(), node.signal);
    await world.have(b, disk);
    await world.leave('b');
    expect(driver.count('NodeUnstageVolume')).toBe(0);
    expect(driver.volumes.get('h1')!.published.size).toBe(1);
  });
});

describe('expansion', () => {
  const claim = (status: object) => ({
    metadata: { name: 'claim', namespace: 'shop' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '2Gi' } }, volumeName: 'pv-h1' },
    status: { phase: 'Bound', capacity: { storage: '1Gi' }, ...status },
  });
  const grown = csiSpec('h1', { capacity: { storage: '2Gi' }, claimRef: { name: 'claim', namespace: 'shop' } });
  const stored = () => node.api.objects.get('PersistentVolumeClaim', 'shop', 'claim')!.status!;
  const pending = {
    allocatedResources: { storage: '2Gi' },
    allocatedResourceStatuses: { storage: 'NodeResizePending' },
    conditions: [{ type: 'FileSystemResizePending', status: 'True' }],
  };

  test('the driver grows it, and the claim and the Pod are told', async () => {
    await start();
    world.attach('h1');
    node.api.objects.set('PersistentVolumeClaim', claim(pending));
    await world.have(a, grown, '2Gi');
    expect(driver.requests('NodeExpandVolume')).toEqual([
      {
        volumeId: 'h1',
        volumePath: publishPath(node.root, 'a', 'pv-h1'),
        stagingTargetPath: staging(),
        capacityRange: { requiredBytes: String(2 * 2 ** 30), limitBytes: '0' },
        secrets: {},
        volumeCapability: expect.objectContaining({ mount: expect.objectContaining({ fsType: 'ext4' }) }),
      },
    ]);
    expect(stored().capacity).toEqual({ storage: '2Gi' });
    expect(stored().allocatedResourceStatuses?.storage).toBeUndefined();
    expect(stored().conditions ?? []).toEqual([]);
    expect(world.events).toEqual([
      {
        type: 'Normal',
        reason: 'FileSystemResizeSuccessful',
        message: `MountVolume.NodeExpandVolume succeeded for volume "pv-h1" ${NODE}`,
      },
    ]);
    expect(node.claimEvents).toEqual(['claim FileSystemResizeSuccessful']);
  });

  test('a read-only file system is not grown, and both are told', async () => {
    await start();
    world.attach('h1');
    node.api.objects.set('PersistentVolumeClaim', claim(pending));
    await world.have(a, { ...grown, readOnly: true }, '2Gi');
    expect(driver.count('NodeExpandVolume')).toBe(0);
    expect(world.events).toEqual([expect.objectContaining({ reason: 'FileSystemResizeFailed' })]);
    expect(node.claimEvents).toEqual(['claim FileSystemResizeFailed']);
  });

  test('a refusal goes into the claim’s conditions; one that cannot ever work tells the controller', async () => {
    await start();
    world.attach('h1');
    node.api.objects.set('PersistentVolumeClaim', claim(pending));
    driver.before = ({ method }) => {
      if (method === 'NodeExpandVolume') throw new RpcStatus(status.OUT_OF_RANGE, 'too large');
    };
    expect(((await failure(world.have(a, grown, '2Gi'))) as Error).message).toBe(
      'MountVolume.Setup failed while expanding volume for volume "pv-h1" : Expander.NodeExpand failed to expand the volume : rpc error: code = OutOfRange desc = too large',
    );
    expect(stored().allocatedResourceStatuses).toEqual({ storage: 'NodeResizeInfeasible' });
    expect(stored().conditions).toEqual(
      expect.arrayContaining([expect.objectContaining({ type: 'NodeResizeError', status: 'True' })]),
    );
  });

  test('a driver that cannot do it while the volume is in use holds nobody up', async () => {
    await start();
    world.attach('h1');
    node.api.objects.set('PersistentVolumeClaim', claim(pending));
    driver.before = ({ method }) => {
      if (method === 'NodeExpandVolume') throw new RpcStatus(status.FAILED_PRECONDITION, 'in use');
    };
    expect(await world.have(a, grown, '2Gi')).toMatchObject({ path: publishPath(node.root, 'a', 'pv-h1') });
  });

  test('a resizer of before needs no step that the driver does not have', async () => {
    await start({ capabilities: ['STAGE_UNSTAGE_VOLUME'] });
    world.attach('h1');
    node.api.objects.set('PersistentVolumeClaim', claim({}));
    await world.have(a, grown, '2Gi');
    expect(methods()).toEqual(['NodeStageVolume', 'NodePublishVolume']);
  });
});

test.each([
  ['a driver that leads elsewhere', { driver: '../x', volumeHandle: 'h' }, {}],
  [
    "a device called as a directory of kubelet's own",
    { driver: DRIVER, volumeHandle: 'h' },
    { mode: 'Block', name: 'staging' },
  ],
] as const)('%s is refused before it is called in use', async (_what, csi, asked) => {
  const spec = csiSpec('h', { csi }, asked);
  await expect(world.have(a, spec)).rejects.toThrow('cannot be a directory name');
  expect(world.volumes.inUse()).toEqual([]);
});

test('a note that cannot be read is no volume without Pods: it is read again, and nothing is unstaged meanwhile', async () => {
  await start();
  const having = world.have(a, disk);
  await until(() => world.volumes.inUse()?.length === 1);
  world.attach('h1');
  await having;
  const note = join(dirname(publishPath(node.root, 'a', 'pv-h1')), 'vol_data.json');
  const text = readFileSync(note, 'utf8');
  rmSync(note);
  mkdirSync(note); // EISDIR
  const volumes = world.restart();
  const kind = volumes.kinds.of(disk);
  const find = kind.reconstruct;
  const tries: string[] = [];
  jest.spyOn(kind, 'reconstruct').mockImplementation(async (host) => {
    try {
      const found = await find(host);
      tries.push('found');
      return found;
    } catch (error) {
      tries.push('failed');
      if (tries.length === 1) {
        rmSync(note, { recursive: true });
        writeFileSync(note, text);
      }
      throw error;
    }
  });
  const rebuilt = volumes.rebuild();
  volumes.sourcesSynced();
  await rebuilt;
  expect(tries).toEqual(['failed', 'found']);
  expect([volumes.holders(), driver.count('NodeUnstageVolume')]).toEqual([['a'], 0]);
});
