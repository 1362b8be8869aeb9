import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

// A CSI driver that really mounts, in a mount namespace that ends with the child process.
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('csi.root.test.ts is skipped: it needs root');

(isRoot ? test : test.skip)(
  'CSI volumes on real mounts',
  async () => {
    const script = join(__dirname, 'testing', 'realCsi.ts');
    const args = ['--mount', '--propagation', 'private', process.execPath, script];
    const { stdout } = await promisify(execFile)('unshare', args, { timeout: 60_000 });
    expect(stdout.trim().split('\n')).toEqual([
      'ok an inline volume is mounted, its files get the group, subPaths are bound and released, its data is kept',
      'ok what a driver has left mounted is not touched',
      'ok two Pods have a volume behind a claim, and nothing is left of it but its data',
      'ok a raw device is mapped for its Pod and unmapped',
    ]);
  },
  90_000,
);
