import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../lib/fake/until.ts';
import type { KindHost } from '../persistent/contract.ts';
import { podOf, volumeOf } from '../persistent/fake/attachedKind.ts';
import { ScsiNode } from './fake/target.ts';
import { detachFc } from './fc.ts';

const a = podOf('a');
const WWN = '50060e801049cfd1';
const spec = volumeOf('pv', { fc: { targetWWNs: [WWN], lun: 0, fsType: 'xfs' } });
const LINK = `pci-0000:41:00.0-fc-0x${WWN}-lun-0`;

const globalOf = ({ node }: ScsiNode, name: string) => join(node.root, 'plugins/kubernetes.io/fc', name);
const targetOf = ({ node }: ScsiNode) => join(node.root, 'pods/a/volumes/kubernetes.io~fc/pv');
const mounted = ({ node }: ScsiNode) => node.programs.filter((line) => line.startsWith('mount -t'));

async function giveBack(node: ScsiNode): Promise<void> {
  node.node.volumes.sourcesSynced();
  await node.node.leave(a);
  await until(() => node.node.volumes.size === 0);
}

test('a disk that the kernel finds when it is told to look is mounted in Go’s place, and forgotten with the volume', async () => {
  using node = new ScsiNode('fc');
  node.addHost(4);
  let disk = '';
  node.onScan = () => {
    disk ||= node.addDisk('by-path', LINK);
  };
  expect(node.kind.identify(spec, a, undefined as never)).toEqual({
    uniqueName: `kubernetes.io/fc/${WWN}-lun-0`,
    reportedAs: `kubernetes.io/fc/[${WWN}]:0`,
    attachable: true,
  });
  await node.have('a', spec);
  const global = globalOf(node, `${WWN}-lun-0`);
  expect(mounted(node)).toEqual([`mount -t xfs -o defaults -- ${node.dev}/${disk} ${global}`]);
  expect(existsSync(targetOf(node))).toBe(true);
  node.restart('fc');
  await node.node.volumes.rebuild();
  expect([node.node.volumes.holders(), node.node.volumes.size]).toEqual([['a'], 1]);
  node.calls.length = 0;
  await giveBack(node);
  expect(node.calls).toEqual([`blockdev --flushbufs ${node.dev}/${disk}`, `write 1 /block/${disk}/device/delete`]);
  expect([existsSync(global), existsSync(targetOf(node))]).toEqual([false, false]);
});

test('the multipath device over the paths is taken; while it is busy the volume is not let go, and then it is', async () => {
  using node = new ScsiNode('fc');
  const other = '500a0982991b8dc5';
  const disks = [WWN, other].map((wwn) => node.addDisk('by-path', `fc-0x${wwn}-lun-1`));
  const device = node.multipath('dm-0', ...disks);
  await node.have('a', volumeOf('pv', { fc: { targetWWNs: [WWN, other], lun: 1 } }));
  const global = globalOf(node, `${WWN}-${other}-lun-1`);
  expect(mounted(node)).toEqual([`mount -t ext4 -o defaults -- ${device} ${global}`]);
  expect(node.calls).toEqual([]);
  node.says.set(/^multipath/, { code: 1, output: 'map in use' });
  node.node.volumes.sourcesSynced();
  await node.node.leave(a);
  await until(() => node.calls.length === 1);
  node.says.clear();
  await until(async () => {
    await node.node.clock.advanceAsync(500);
    return node.node.volumes.size === 0;
  });
  expect(node.calls).toEqual([
    ...[`multipath -f ${device}`, `multipath -f ${device}`],
    ...disks.flatMap((disk) => [`blockdev --flushbufs ${node.dev}/${disk}`, `write 1 /block/${disk}/device/delete`]),
  ]);
});

test('a disk by its own identifier, with blanks as udev writes them', async () => {
  using node = new ScsiNode('fc');
  const disk = node.addDisk('by-id', 'scsi-VENDOR_1_23');
  const byId = volumeOf('pv', { fc: { wwids: ['VENDOR 1 23'] } });
  expect(node.kind.identify(byId, a, undefined as never).reportedAs).toBe('kubernetes.io/fc/[VENDOR 1 23]');
  await node.have('a', byId);
  expect(mounted(node)).toEqual([`mount -t ext4 -o defaults -- ${node.dev}/${disk} ${globalOf(node, 'VENDOR_1_23')}`]);
});

test('a node without an adapter says so; one with an adapter says that there is no such disk', async () => {
  using node = new ScsiNode('fc');
  const words = 'MountVolume.WaitForAttach failed for volume "pv" : no fc disk found';
  await expect(node.have('a', spec)).rejects.toThrow(
    `${words}: this node has no Fibre Channel host adapter (/sys/class/fc_host)`,
  );
  mkdirSync(join(node.sys, 'class/fc_host'));
  await expect(node.have('a', spec)).rejects.toMatchObject({ message: words });
});

test.each([
  [{}, 'fc: no fc disk information found'],
  [{ targetWWNs: ['../x'], lun: 0 }, 'names no disk'],
  [{ wwids: ['a/b'] }, 'names no disk'],
  [{ targetWWNs: [WWN] }, 'fc: no fc disk information found'],
  [{ targetWWNs: [WWN], lun: 256 }, 'fc: a LUN is at most 255, not 256'],
  [
    { targetWWNs: Array(15).fill(WWN), lun: 0 },
    'fc: the names of the disk have 260 bytes together, and at most 255 are taken',
  ],
  [{ wwids: Array(16).fill(WWN) }, 'fc: the names of the disk have 271 bytes together'],
])('%j is refused before anything is done', (fc, message) => {
  using node = new ScsiNode('fc');
  expect(() => node.kind.identify(volumeOf('pv', { fc }), a, undefined as never)).toThrow(message);
});

test.each([
  ['by-id', 'scsi-3600', '600'],
  ['by-path', `fc-0x1${WWN}-lun-0`, `${WWN}-lun-0`],
] as const)('%s: a disk whose name %s only ends with %s is not forgotten', async (place, link, name) => {
  using node = new ScsiNode('fc');
  node.addDisk(place, link);
  await detachFc(node.scsi, new Map(), {} as KindHost, globalOf(node, `volumeDevices/${name}`), 'Block');
  expect(node.calls).toEqual([]);
});
