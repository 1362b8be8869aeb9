import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

// Real mounts and a loop device, in a mount namespace that ends with the child process.
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('persistent.root.test.ts is skipped: it needs root');

(isRoot ? test : test.skip)(
  'volumes that outlast Pods, on real mounts',
  async () => {
    const script = join(__dirname, 'testing', 'realPersistent.ts');
    const args = ['--mount', '--propagation', 'private', process.execPath, script];
    const { stdout } = await promisify(execFile)('unshare', args, { timeout: 60_000 });
    expect(stdout.trim().split('\n')).toEqual([
      'ok a directory is bound into Pods and out again, and keeps its files',
      'ok read-only and mount options hold, also after a kill between the steps',
      "ok the first Pod's fsGroup owns the files",
      'ok a disk gets a file system once, and its mounts are found again',
      'ok a disk that has grown has its file system grown, and the claim is told',
      'ok a device is mapped for its Pod and unmapped, and is never touched',
      'ok an iSCSI disk is mounted and mapped in Go’s places, and found and given back after a kill',
    ]);
  },
  90_000,
);
