import { FakeVolumes, podOf, volumeOf } from './fake/attachedKind.ts';
import { FinalError } from './volumeStepError.ts';

const [a, b] = [podOf('a'), podOf('b')];
const disk = volumeOf('disk');
const NAME = 'example.com/attached/disk';
const attached = { status: { volumesInUse: [NAME], volumesAttached: [{ name: NAME, devicePath: '/dev/sdx' }] } };
const messageOf = (error: Error) => error.message;

async function attachedNode() {
  const node = new FakeVolumes();
  await node.volumes.rebuild();
  node.volumes.nodeSeen(attached);
  return node;
}

test('in use is accepted before anything else, then it is attached, staged once, and published for each', async () => {
  using node = new FakeVolumes();
  const { volumes, kind, clock } = node;
  expect(volumes.inUse()).toBeUndefined();
  await volumes.rebuild();
  const said: unknown[] = [];
  volumes.onInUse(() => said.push(volumes.inUse()));
  const both = Promise.all([node.have(a, disk), node.have(b, disk)]);
  await clock.advanceAsync(0);
  expect(said).toEqual([[NAME]]);
  expect(node.waits.at(-1)).toContain('not yet taken');
  volumes.nodeSeen({ status: { volumesInUse: [NAME] } });
  await clock.advanceAsync(0);
  expect([node.waits.at(-1), kind.calls]).toEqual(['the volume is not attached according to node status', []]);
  volumes.nodeSeen(attached);
  expect((await both).map(({ path }) => path)).toEqual(['/mnt/a', '/mnt/b']);
  expect(kind.calls).toEqual(['stage', 'publish a', 'publish b']);
  expect(node.waits.at(-1)).toBeUndefined();
});

test('it stays in use until it is unstaged after the last Pod, and nothing is unstaged before all sources have reported', async () => {
  using node = await attachedNode();
  const { volumes, kind, clock } = node;
  await Promise.all([node.have(a, disk), node.have(b, disk)]);
  await node.leave(a);
  await node.leave(b);
  await clock.advanceAsync(200_000);
  expect(kind.calls.slice(3)).toEqual(['unpublish a', 'unpublish b']);
  expect(volumes.inUse()).toEqual([NAME]);
  volumes.sourcesSynced();
  await clock.advanceAsync(0);
  expect(kind.calls.slice(5)).toEqual(['unstage']);
  expect([volumes.inUse(), volumes.size]).toEqual([[], 0]);
});

test('another SELinux label waits for the Pods that have the volume, and then it is mounted anew', async () => {
  using node = await attachedNode();
  const { kind, clock } = node;
  node.volumes.sourcesSynced();
  await node.have(a, disk, kind, { seLinuxLabel: 'one' });
  const second = node.have(b, disk, kind, { seLinuxLabel: 'two' });
  await clock.advanceAsync(200_000);
  expect([kind.calls, node.waits.at(-1)]).toEqual([
    ['stage', 'publish a'],
    'it is mounted with the SELinux label "one" of other Pods, and this one needs "two"',
  ]);
  await node.leave(a);
  await second;
  expect(kind.calls.slice(2)).toEqual(['unpublish a', 'unstage', 'stage', 'publish b']);
  expect(node.waits.at(-1)).toBeUndefined();
});

test('a failed step is the Pod’s error in kubelet’s words, and is tried again when the Pod asks again', async () => {
  using node = await attachedNode();
  const { kind, clock } = node;
  kind.failures.set('stage', [new Error('no such disk')]);
  kind.failures.set('publish a', [new Error('busy')]);
  await expect(node.have(a, disk)).rejects.toThrow('MountVolume.MountDevice failed for volume "disk" : no such disk');
  await clock.advanceAsync(500_000);
  expect(kind.calls).toEqual(['stage']);
  expect(await node.have(a, disk).catch(messageOf)).toBe('MountVolume.SetUp failed for volume "disk" : busy');
  expect(await node.have(a, disk)).toEqual({ path: '/mnt/a' });
  expect(kind.calls).toEqual(['stage', 'stage', 'publish a', 'publish a']);
});

test('a step that may have been done is undone, one that certainly was not is not', async () => {
  using node = await attachedNode();
  const { volumes, kind, clock } = node;
  volumes.sourcesSynced();
  kind.failures.set('stage', [new FinalError('refused'), new Error('perhaps')]);
  for (const message of ['refused', 'perhaps']) {
    await expect(node.have(a, disk)).rejects.toThrow(message);
    await node.leave(a);
    await clock.advanceAsync(0);
  }
  expect(kind.calls).toEqual(['stage', 'stage', 'unstage']);
  kind.failures.set('publish a', [new FinalError('refused'), new Error('perhaps')]);
  for (const message of ['refused', 'perhaps']) {
    await expect(node.have(a, disk)).rejects.toThrow(message);
    await node.leave(a);
    await clock.advanceAsync(0);
  }
  expect(kind.calls.slice(3)).toEqual([
    ...['stage', 'publish a', 'unstage'],
    ...['stage', 'publish a', 'unpublish a', 'unstage'],
  ]);
  expect(volumes.size).toBe(0);
});

test('a Pod that goes while it is being published is waited for, and taken back', async () => {
  using node = await attachedNode();
  const { kind, clock } = node;
  const gate = Promise.withResolvers<void>();
  kind.hold = (call) => (call === 'publish a' ? gate.promise : Promise.resolve());
  const controller = new AbortController();
  const having = node.have(a, disk, kind, { signal: controller.signal }).catch(messageOf);
  await clock.advanceAsync(0);
  controller.abort(new Error('the Pod ends'));
  expect(await having).toBe('the Pod ends');
  let isGone = false;
  const leaving = node.leave(a).then(() => {
    isGone = true;
  });
  await clock.advanceAsync(0);
  expect(isGone).toBe(false);
  gate.resolve();
  await leaving;
  expect(kind.calls).toEqual(['stage', 'publish a', 'unpublish a']);
});

test('an unpublish that fails is told to the Pod and tried again by its back-off', async () => {
  using node = await attachedNode();
  const { kind, clock } = node;
  await node.have(a, disk);
  kind.failures.set('unpublish a', [new Error('in use')]);
  await expect(node.leave(a)).rejects.toThrow('UnmountVolume.TearDown failed for volume "disk" : in use');
  const leaving = node.leave(a);
  await clock.advanceAsync(499);
  expect(kind.calls.filter((call) => call === 'unpublish a')).toHaveLength(1);
  await clock.advanceAsync(1);
  await leaving;
});

test('after a restart what is found is looked at again for who wants it, and given back for who is gone', async () => {
  using node = new FakeVolumes();
  const { kind, clock } = node;
  const found = { uniqueName: NAME, name: 'disk', mode: 'Filesystem', attachable: true, staged: true } as const;
  kind.found = [{ ...found, pods: ['a', 'b'] }];
  const volumes = node.open();
  await volumes.rebuild();
  expect([volumes.inUse(), volumes.holders()]).toEqual([[NAME], ['a', 'b']]);
  volumes.nodeSeen(attached);
  volumes.sourcesSynced();
  await clock.advanceAsync(1_000);
  expect(kind.calls).toEqual([]);
  await node.have(a, disk);
  expect(kind.calls).toEqual(['stage', 'publish a']);
  await node.leave(b);
  await node.leave(a);
  await clock.advanceAsync(0);
  expect(kind.calls.slice(2)).toEqual(['unpublish b', 'unpublish a', 'unstage']);
});

test('a kind that cannot be read leaves open what is in use', async () => {
  using node = new FakeVolumes();
  node.kind.reconstruct = async () => {
    throw new Error('the disk is broken');
  };
  const rebuilt = node.volumes.rebuild();
  await node.clock.advanceAsync(60_000);
  await rebuilt;
  expect(node.volumes.inUse()).toBeUndefined();
});

test('a kind that can be read a moment later is read then', async () => {
  using node = new FakeVolumes();
  const found = { uniqueName: NAME, name: 'disk', mode: 'Filesystem', attachable: true, staged: true } as const;
  const problems = [new Error('EMFILE: too many open files'), new Error('EMFILE: too many open files')];
  node.kind.reconstruct = async () => {
    const problem = problems.shift();
    if (problem) throw problem;
    return [{ ...found, pods: ['a'] }];
  };
  const rebuilt = node.volumes.rebuild();
  await node.clock.advanceAsync(2_000);
  await rebuilt;
  expect([node.volumes.inUse(), node.volumes.holders()]).toEqual([[NAME], ['a']]);
});

test('ReadWriteOncePod: the second Pod of the node waits for the end of the first', async () => {
  using node = await attachedNode();
  const once = volumeOf('disk', { accessModes: ['ReadWriteOncePod'] });
  await node.have(a, once);
  await expect(node.have(b, once)).rejects.toThrow(
    'MountVolume.SetUp failed for volume "disk" : volume uses the ReadWriteOncePod access mode and is already in use by another pod',
  );
  await node.leave(a);
  expect(await node.have(b, once)).toEqual({ path: '/mnt/b' });
});

test('mount options of a kind that has none are refused in kubelet’s words', async () => {
  using node = await attachedNode();
  await expect(node.have(a, volumeOf('disk', { mountOptions: ['noexec'] }))).rejects.toThrow(
    'MountVolume.MountOptionSupport check failed for volume "disk" : mount options are not supported for this volume type',
  );
  expect(node.kind.calls).toEqual([]);
});

test('a volume that has grown is expanded once, after it is published', async () => {
  using node = await attachedNode();
  const { kind } = node;
  await node.have(a, disk);
  await node.have(a, disk, kind, { size: '2Gi' });
  await node.have(a, disk, kind, { size: '2Gi' });
  expect(kind.calls).toEqual(['stage', 'publish a', 'expand a']);
});

test('what has a time for it is published again when that has come', async () => {
  using node = await attachedNode();
  const { kind, clock } = node;
  kind.refreshAt = clock.now().wall + 1_000;
  await node.have(a, disk);
  await node.have(a, disk);
  expect(kind.calls).toEqual(['stage', 'publish a']);
  await clock.advanceAsync(1_000);
  kind.refreshAt = clock.now().wall + 1_000;
  expect(await node.have(a, disk)).toMatchObject({ refreshAt: kind.refreshAt });
  expect(kind.calls).toEqual(['stage', 'publish a', 'publish a']);
});
