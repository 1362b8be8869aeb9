import { FakeVolumes, podOf, volumeOf } from './fake/attachedKind.ts';

const [a, b] = [podOf('a'), podOf('b')];
const NAME = 'example.com/attached/disk';
const attached = { status: { volumesInUse: [NAME], volumesAttached: [{ name: NAME, devicePath: '/dev/sdx' }] } };

async function attachedNode() {
  const node = new FakeVolumes();
  await node.volumes.rebuild();
  node.volumes.nodeSeen(attached);
  node.volumes.sourcesSynced();
  return node;
}

test('a Pod that comes while the volume is being unstaged waits for that, and for it to be staged anew', async () => {
  using node = await attachedNode();
  const { kind, clock } = node;
  const disk = volumeOf('disk');
  await node.have(a, disk);
  const gate = Promise.withResolvers<void>();
  kind.hold = (call) => (call === 'unstage' ? gate.promise : Promise.resolve());
  await node.leave(a);
  await clock.advanceAsync(0);
  expect(kind.calls).toEqual(['stage', 'publish a', 'unpublish a', 'unstage']);
  const having = node.have(b, disk);
  await clock.advanceAsync(0);
  expect([kind.calls.slice(4), node.waits.at(-1)]).toEqual([
    [],
    'it is still being unmounted from the node, after its last Pod',
  ]);
  gate.resolve();
  await having;
  expect(kind.calls.slice(4)).toEqual(['stage', 'publish b']);
});

test('of two Pods that come at the same time only one gets a ReadWriteOncePod volume', async () => {
  using node = await attachedNode();
  const { kind, clock } = node;
  const disk = volumeOf('disk', { accessModes: ['ReadWriteOncePod'] });
  const gate = Promise.withResolvers<void>();
  kind.hold = (call) => (call.startsWith('publish') ? gate.promise : Promise.resolve());
  const both = Promise.allSettled([node.have(a, disk), node.have(b, disk)]);
  await clock.advanceAsync(0);
  gate.resolve();
  await clock.advanceAsync(0);
  const results = await both;
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
});

test('a Pod that comes back while it is being unpublished waits until it has it again', async () => {
  using node = await attachedNode();
  const { kind, clock } = node;
  const disk = volumeOf('disk');
  await Promise.all([node.have(a, disk), node.have(b, disk)]);
  const gate = Promise.withResolvers<void>();
  kind.hold = (call) => (call === 'unpublish a' ? gate.promise : Promise.resolve());
  void node.leave(a);
  await clock.advanceAsync(0);
  let has = false;
  const having = node.have(a, disk).then(() => {
    has = true;
  });
  await clock.advanceAsync(0);
  expect(has).toBe(false);
  gate.resolve();
  await having;
  expect(kind.calls.slice(3)).toEqual(['unpublish a', 'publish a']);
});

test('what could not be unpublished whole is published again for a Pod that comes back', async () => {
  using node = await attachedNode();
  const { kind } = node;
  const disk = volumeOf('disk');
  await node.have(a, disk);
  kind.failures.set('unpublish a', [new Error('unmounted, and the directory stays')]);
  await expect(node.leave(a)).rejects.toThrow('the directory stays');
  await node.have(a, disk);
  expect(kind.calls).toEqual(['stage', 'publish a', 'unpublish a', 'publish a']);
});
