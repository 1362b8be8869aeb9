import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../lib/run.ts';

/** Just enough to reach the disk: Debian's own starts udev and looks at all devices, ten seconds of an emulated boot. */
const init = `#!/usr/lib/klibc/bin/sh
export PATH=/usr/lib/klibc/bin
mount -t devtmpfs dev /dev
insmod /virtio_blk.ko
until [ -b /dev/vda ]; do sleep 0.1; done
mount -t ext4 -w /dev/vda /root
mount -t devtmpfs dev /root/dev
exec run-init /root /sbin/init "$@"
`;
const programs = ['sh', 'mount', 'insmod', 'sleep', 'run-init'];

interface Entry {
  readonly name: string;
  readonly content: Buffer;
  readonly mode: number;
}

/** Makes the initial RAM disk for a Debian root directory out of its klibc-utils and its disk driver; not compressed. */
export async function writeInitrd(root: string, file: string): Promise<void> {
  const klibc = readdirSync(path.join(root, 'usr/lib')).find((name) => /^klibc-.*\.so$/.test(name));
  const [kernel] = readdirSync(path.join(root, 'usr/lib/modules'));
  if (!klibc || !kernel) throw new Error(`${root} has no klibc or no kernel modules: its initramfs-tools are missing`);
  const driver = path.join(root, 'usr/lib/modules', kernel, 'kernel/drivers/block/virtio_blk.ko');
  // The kernel could unpack it by itself, but klibc's insmod does not ask it to.
  await run('sh', ['-c', 'xz -dc "$1.xz" > "$2"', 'sh', driver, `${file}.ko`]);
  const directory = (name: string): Entry => ({ name, content: Buffer.alloc(0), mode: 0o040755 });
  const copy = (name: string, from = path.join(root, name)): Entry => {
    return { name, content: readFileSync(from), mode: 0o100755 };
  };
  const entries = [
    ...['dev', 'root', 'usr', 'usr/lib', 'usr/lib/klibc', 'usr/lib/klibc/bin'].map(directory),
    { name: 'init', content: Buffer.from(init), mode: 0o100755 },
    copy('virtio_blk.ko', `${file}.ko`),
    copy(`usr/lib/${klibc}`),
    ...programs.map((name) => copy(`usr/lib/klibc/bin/${name}`)),
  ];
  writeFileSync(file, archive(entries));
  rmSync(`${file}.ko`);
}

/** cpio's "newc" form, which the kernel unpacks: a header of hexadecimal fields, the name, the content, each padded to four bytes. */
function archive(entries: readonly Entry[]): Buffer {
  const end: Entry = { name: 'TRAILER!!!', content: Buffer.alloc(0), mode: 0 };
  return Buffer.concat(
    [...entries, end].flatMap(({ name, content, mode }, inode) => {
      const links = mode & 0o040000 ? 2 : 1;
      // inode, mode, uid, gid, links, mtime, size, two device numbers of the file and two of a device file, name size, checksum
      const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, name.length + 1, 0];
      const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
      return [padded(Buffer.from(header)), padded(content)];
    }),
  );
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((4 - (content.length % 4)) % 4)]);
}
