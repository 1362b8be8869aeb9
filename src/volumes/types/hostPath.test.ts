import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VolumeNode } from '../testing/fixtures.ts';

let node: VolumeNode;
beforeEach(() => {
  node = new VolumeNode();
});
afterEach(() => node[Symbol.dispose]());

describe('hostPath', () => {
  test.each([
    ['Directory', 'file', 'hostPath type check failed: %s is not a directory'],
    ['Directory', 'none', 'hostPath type check failed: %s is not a directory'],
    ['DirectoryOrCreate', 'file', 'hostPath type check failed: %s is not a directory'],
    ['File', 'directory', 'hostPath type check failed: %s is not a file'],
    ['FileOrCreate', 'directory', 'hostPath type check failed: %s is not a file'],
    ['Socket', 'file', 'hostPath type check failed: %s is not a socket file'],
    ['CharDevice', 'file', 'hostPath type check failed: %s is not a character device'],
    ['BlockDevice', 'none', 'hostPath type check failed: %s is not a block device'],
    ['Bogus', 'file', 'Bogus is an invalid volume type'],
  ])('%s on %s', async (type, name, message) => {
    writeFileSync(join(node.root, 'file'), '');
    mkdirSync(join(node.root, 'directory'));
    const path = join(node.root, name);
    await expect(node.mount({ name: 'v', hostPath: { path, type } })).rejects.toThrow(message.replace('%s', path));
  });

  test('a directory that the kernel does not make is an error, and holds no thread of the process', async () => {
    const path = '/proc/kubelet-ts/none';
    await expect(node.mount({ name: 'v', hostPath: { path, type: 'DirectoryOrCreate' } })).rejects.toThrow(/ENOENT/);
  });

  test.each([
    ['', 'none', undefined],
    ['DirectoryOrCreate', 'new/deep', 0o40755],
    ['FileOrCreate', 'newfile', 0o100644],
    ['Directory', '.', undefined],
    ['File', 'link', undefined],
  ])('%s on %s passes', async (type, name, mode) => {
    writeFileSync(join(node.root, 'file'), '');
    symlinkSync('file', join(node.root, 'link'));
    const path = join(node.root, name);
    await expect(node.mount({ name: 'v', hostPath: { path, type } })).resolves.toEqual({
      name: 'v',
      hostPath: path,
      digest: '',
      tmpfs: false,
    });
    if (mode !== undefined) expect(statSync(path).mode).toBe(mode);
  });

  test('CharDevice on /dev/null passes; a path with .. does not', async () => {
    await node.mount({ name: 'v', hostPath: { path: '/dev/null', type: 'CharDevice' } });
    await expect(node.mount({ name: 'v', hostPath: { path: '/a/../b' } })).rejects.toThrow(
      "invalid HostPath `/a/../b`: must not contain '..'",
    );
  });
});
