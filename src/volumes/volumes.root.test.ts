import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

// Real mounts, in a mount namespace that ends with the child process. Node 26 runs the TypeScript file as it is.
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('volumes.root.test.ts is skipped: it needs root');

(isRoot ? test : test.skip)(
  'volumes on real mounts',
  async () => {
    const script = join(__dirname, 'testing', 'realMounts.ts');
    const args = ['--mount', '--propagation', 'private', process.execPath, script];
    const { stdout } = await promisify(execFile)('unshare', args, { timeout: 60_000 });
    const lines = stdout.trim().split('\n');
    console.info(lines.at(-1));
    expect(lines.map((line) => line.replace(/\d+\.\d ms/, 'N ms'))).toEqual([
      'ok volumes are mounted once, secrets in memory only',
      'ok fsGroup and fsUser hold',
      'ok subPaths are bound to the file that was checked',
      'ok a racing symlink never leads out of the volume',
      'ok teardown leaves nothing and deletes nothing behind a mount',
      'ok ownership is applied without following links',
      'ok five volumes mounted in N ms (median)',
    ]);
  },
  90_000,
);
