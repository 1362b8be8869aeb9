import { FakeVolumes } from './fake/attachedKind.ts';
import { formatAndMount } from './mountPrograms.ts';

/** The programs that are run for a device without or with a file system. */
async function programs(fsType: string, found: { code: number; output?: string }): Promise<string[]> {
  using node = new FakeVolumes();
  node.answer = ({ program }) => (program === 'blkid' ? found : {});
  const signal = new AbortController().signal;
  const mount = { source: '/dev/loop7', target: '/mnt', fsType, options: [], signal, progress: () => {} };
  await formatAndMount(node.host, mount);
  return node.programs.filter((line) => !line.startsWith('blkid'));
}

test.each([
  ['', 'ext4'],
  ['ext4', 'ext4'],
  ['ext3', 'ext3'],
])('a device without a file system, whose object says %j, gets %s', async (asked, made) => {
  expect(await programs(asked, { code: 2 })).toEqual([
    `mkfs.${made} -F -m0 /dev/loop7`,
    `mount -t ${made} -o defaults -- /dev/loop7 /mnt`,
  ]);
});

test('an empty name is ext4 for a device that has a file system too, as in kubelet', async () => {
  expect(await programs('', { code: 0, output: 'TYPE=ext4' })).toEqual([
    'fsck -a /dev/loop7',
    'mount -t ext4 -o defaults -- /dev/loop7 /mnt',
  ]);
});
