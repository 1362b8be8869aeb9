import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errnoCode, ignoring, LinuxError } from './linuxError.ts';
import { createMounter } from './mounter.ts';
import { mountsBelow, parseMountInfo } from './mountInfo.ts';
import { openInRoot } from './openInRoot.ts';
import { childPath, parentPath, shownPath } from './pathBytes.ts';
import { removeTree } from './removeTree.ts';
import { fdPath, isWithin, makeDirBeneath, openBeneath } from './safePath.ts';

const { signal } = new AbortController();
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'linux-test-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('mountinfo', () => {
  const text = [
    '22 28 0:21 / /sys rw,nosuid - sysfs sysfs rw',
    '36 35 98:0 /mnt1 /mnt2 rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue',
    '40 28 0:33 / /var/lib/a\\040b\\134c rw - tmpfs tmpfs rw,size=4k',
    '41 40 0:34 / /var/lib/a\\040b\\134c/x rw - tmpfs tmpfs rw',
    '42 28 0:35 / /var/lib/a rw - tmpfs tmpfs rw',
    '',
  ].join('\n');

  test('reads all fields, with and without optional ones', () => {
    const entries = parseMountInfo(text);
    expect(entries[1]).toEqual({
      id: 36,
      parentId: 35,
      device: '98:0',
      root: '/mnt1',
      mountPoint: '/mnt2',
      mountPath: Buffer.from('/mnt2'),
      options: ['rw', 'noatime'],
      propagation: ['shared:1', 'master:2'],
      fsType: 'ext3',
      source: '/dev/root',
      superOptions: ['rw', 'errors=continue'],
    });
    expect(entries[0]!.propagation).toEqual([]);
    expect(entries[2]!.mountPoint).toBe('/var/lib/a b\\c');
  });

  test.each(['x', '1 2 3', '22 28 0:21 / /sys rw - sysfs', 'a b 0:21 / /sys rw - sysfs s rw'])('refuses %j', (line) => {
    expect(() => parseMountInfo(line)).toThrow('malformed');
  });

  test('a mount point keeps bytes that are no UTF-8', () => {
    const path = Buffer.from('/var/lib/v\xff/a b', 'latin1');
    const line = Buffer.from('40 28 0:33 / /var/lib/v\xff/a\\040b rw - tmpfs tmpfs rw\n', 'latin1');
    const other = Buffer.from('41 28 0:33 / /var/lib/v\xfe rw - tmpfs tmpfs rw\n', 'latin1');
    const entries = parseMountInfo(Buffer.concat([line, other]), '/var/lib');
    expect(entries.map((entry) => entry.mountPath)).toEqual([path, Buffer.from('/var/lib/v\xfe', 'latin1')]);
    expect(entries[0]!.mountPoint).toBe('/var/lib/v\ufffd/a b');
    expect(mountsBelow(entries, Buffer.from('/var/lib/v\xff', 'latin1'))).toEqual([entries[0]]);
    expect(parseMountInfo('40 28 0:33 / /ä rw - tmpfs tmpfs rw', '/ä')[0]!.mountPoint).toBe('/ä');
  });

  test('mountsBelow gives children first and no namesakes', () => {
    const below = mountsBelow(parseMountInfo(text), '/var/lib/a b\\c');
    expect(below.map((entry) => entry.id)).toEqual([41, 40]);
    expect(mountsBelow(parseMountInfo(text), '/var/lib/a').map((entry) => entry.id)).toEqual([42]);
  });
});

describe('errors', () => {
  test('errno becomes code and sentence', () => {
    const error = new LinuxError('mount', 28, '/x');
    expect(error.message).toBe('mount /x failed: no space left on device (ENOSPC)');
    expect(error.code).toBe('ENOSPC');
    expect(new LinuxError('mount', 9999, '/x').message).toContain('ERRNO9999');
  });

  test('ignoring lets only the listed codes pass', async () => {
    const fail = (code: string) => async () => {
      throw Object.assign(new Error('x'), { code });
    };
    await expect(ignoring(['ENOENT'], fail('ENOENT'))).resolves.toBeUndefined();
    await expect(ignoring(['ENOENT'], fail('EPERM'))).rejects.toThrow('x');
    expect(errnoCode({ code: 'ERR_INVALID_ARG' })).toBeUndefined();
  });

  test('the real calls report their errno, side by side', async () => {
    const mounter = createMounter();
    const missing = join(dir, 'missing');
    const outcomes = await Promise.allSettled([
      mounter.unmount(missing),
      mounter.mount({ source: 'x', target: missing, fsType: 'tmpfs' }),
    ]);
    // Without root the kernel may refuse before it looks at the path.
    for (const outcome of outcomes) {
      expect(outcome.status).toBe('rejected');
      expect(['ENOENT', 'EPERM']).toContain((outcome as PromiseRejectedResult).reason.code);
    }
  });

  test('isMountPoint knows /proc from a plain directory and from nothing', async () => {
    const mounter = createMounter();
    await expect(mounter.isMountPoint('/proc')).resolves.toBe(true);
    await expect(mounter.isMountPoint(dir)).resolves.toBe(false);
    await expect(mounter.isMountPoint(join(dir, 'no', 'such'))).resolves.toBe(false);
    expect((await mounter.list()).some((entry) => entry.mountPoint === '/proc')).toBe(true);
  });
});

describe('paths as bytes', () => {
  const bytes = (text: string) => Buffer.from(text, 'latin1');

  test.each<[string | Buffer, string]>([
    ['/a/b c', '/a/b c'],
    ['/ä/\n', '/ä/\\x0a'],
    [bytes('/a\xff\x01'), '/a\\xff\\x01'],
    [Buffer.from('/ä'), '/ä'],
    ['/\u202etxt\u2028', '/\\xe2\\x80\\xaetxt\\xe2\\x80\\xa8'],
  ])('%j is shown as %j', (path, shown) => expect(shownPath(path)).toBe(shown));

  test('a long one is cut', () => {
    const shown = shownPath(bytes(`/${'\xff'.repeat(4000)}`));
    expect(shown.length).toBe(301);
    expect(shown).toMatch(/^\/\\xff.*….*xff$/);
  });

  test('parents', () => {
    expect(parentPath('/a/b')).toBe('/a');
    expect(parentPath(bytes('/a\xff/b'))).toEqual(bytes('/a\xff'));
  });
});

describe('safe paths', () => {
  test.each([
    ['/a', '/a', true],
    ['/a', '/a/b', true],
    ['/a', '/ab', false],
    ['/a', '/', false],
    ['/a', '/a/..b', true],
    ['/', '/x', true],
  ])('isWithin(%s, %s) is %s', (base, path, within) => expect(isWithin(base, path)).toBe(within));

  test('openBeneath opens what is there and refuses links, .. and absolute paths', async () => {
    mkdirSync(join(dir, 'a/b'), { recursive: true });
    writeFileSync(join(dir, 'a/b/file'), 'x');
    symlinkSync('a', join(dir, 'link'));
    symlinkSync('/etc/passwd', join(dir, 'a/out'));
    const handle = await openBeneath(dir, 'a/./b//file');
    expect((await handle.stat()).ino).toBe(statSync(join(dir, 'a/b/file')).ino);
    await handle.close();
    const same = await openBeneath(dir, '');
    expect((await same.stat()).ino).toBe(statSync(dir).ino);
    await same.close();
    await expect(openBeneath(dir, 'link/b')).rejects.toThrow('symlink');
    await expect(openBeneath(dir, 'a/out')).rejects.toThrow('symlink');
    await expect(openBeneath(dir, 'a/../a')).rejects.toThrow("'..'");
    await expect(openBeneath(dir, '/a')).rejects.toThrow('relative');
    await expect(openBeneath(dir, 'nope')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(openBeneath(join(dir, 'link'), 'b')).rejects.toMatchObject({
      code: expect.stringMatching(/ELOOP|ENOTDIR/),
    });
  });

  test('makeDirBeneath sets the exact mode in spite of the umask and leaves existing directories alone', async () => {
    const before = process.umask(0o077);
    try {
      mkdirSync(join(dir, 'old'));
      chmodSync(join(dir, 'old'), 0o700);
      await makeDirBeneath(dir, 'old/x/y', 0o2775);
    } finally {
      process.umask(before);
    }
    expect(statSync(join(dir, 'old')).mode & 0o7777).toBe(0o700);
    expect(statSync(join(dir, 'old/x')).mode & 0o7777).toBe(0o2775);
    expect(statSync(join(dir, 'old/x/y')).mode & 0o7777).toBe(0o2775);
    await makeDirBeneath(dir, 'old/x/y', 0o700);
    expect(statSync(join(dir, 'old/x/y')).mode & 0o7777).toBe(0o2775);
  });

  test('makeDirBeneath follows links that stay inside and refuses those that leave', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'linux-test-out-'));
    mkdirSync(join(dir, 'real'));
    symlinkSync('real', join(dir, 'in'));
    symlinkSync(outside, join(dir, 'out'));
    symlinkSync('nowhere', join(dir, 'dangling'));
    writeFileSync(join(dir, 'file'), '');
    await makeDirBeneath(dir, 'in/new', 0o755);
    expect(statSync(join(dir, 'real/new')).isDirectory()).toBe(true);
    await expect(makeDirBeneath(dir, 'out/new', 0o755)).rejects.toThrow('out of the volume');
    await expect(makeDirBeneath(dir, 'dangling/new', 0o755)).rejects.toThrow();
    await expect(makeDirBeneath(dir, 'file', 0o755)).rejects.toMatchObject({ code: 'ENOTDIR' });
    expect(readdirSync(outside)).toEqual([]);
    rmSync(outside, { recursive: true });
  });

  test('links may lead by names that are no UTF-8', async () => {
    const odd = Buffer.from('d\xff', 'latin1');
    const inside = childPath(Buffer.from(dir), odd);
    mkdirSync(inside);
    writeFileSync(childPath(inside, odd), 'found');
    symlinkSync(odd, join(dir, 'link'));
    symlinkSync(childPath(odd, odd), join(dir, 'file'));
    await makeDirBeneath(dir, 'link/new', 0o755);
    expect(statSync(childPath(inside, Buffer.from('new'))).isDirectory()).toBe(true);
    const direct = await openBeneath(dir, childPath(odd, odd));
    expect((await direct.stat()).ino).toBe(statSync(join(dir, 'file')).ino);
    await direct.close();
    const { handle, path } = await openInRoot(dir, 'link/../file');
    expect(await readFile(fdPath(handle), 'utf8')).toBe('found');
    expect(path).toBe(join(dir, 'd\ufffd/d\ufffd'));
    await handle.close();
    expect(isWithin(inside, childPath(inside, odd))).toBe(true);
    expect(isWithin(inside, childPath(Buffer.from(dir), Buffer.from('d\xfe', 'latin1')))).toBe(false);
    await removeTree(dir, signal);
  });

  test('a directory that keeps turning into a symlink never lets a new directory out of the base', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'linux-test-out-'));
    const spot = join(dir, 'spot');
    let running = true;
    let swaps = 0;
    const attacker = (async () => {
      for (; running; swaps++) {
        const prepared = join(dir, `prepared${swaps}`);
        if (swaps % 2 === 0) symlinkSync(outside, prepared);
        else mkdirSync(prepared);
        await rename(spot, join(dir, `old${swaps}`)).catch(() => {});
        await rename(prepared, spot).catch(() => {});
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let attempt = 0; attempt < 300; attempt++)
      await makeDirBeneath(dir, `spot/d${attempt}`, 0o755).catch(() => {});
    running = false;
    await attacker;
    expect(swaps).toBeGreaterThan(10);
    expect(readdirSync(outside)).toEqual([]);
    rmSync(outside, { recursive: true });
  });
});

describe('removeTree', () => {
  test('removes files, directories and links but not what links point to; twice; and nothing', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'linux-test-out-'));
    writeFileSync(join(outside, 'keep'), 'x');
    const tree = join(dir, 'tree');
    mkdirSync(join(tree, 'a/b'), { recursive: true });
    symlinkSync(outside, join(tree, 'link'));
    symlinkSync(outside, join(tree, 'a/link'));
    for (let index = 0; index < 700; index++) writeFileSync(join(tree, 'a/b', `f${index}`), '');
    await removeTree(tree, signal);
    await removeTree(tree, signal);
    expect(readdirSync(dir)).toEqual([]);
    symlinkSync(outside, join(dir, 'just-a-link'));
    await removeTree(join(dir, 'just-a-link'), signal);
    expect(readdirSync(dir)).toEqual([]);
    expect(readdirSync(outside)).toEqual(['keep']);
    rmSync(outside, { recursive: true });
  });

  test('removes a tree deeper than any path may be long', async () => {
    const tree = join(dir, 'deep');
    // Built from the inside out: a path of 12,000 bytes cannot be named.
    mkdirSync(tree);
    for (let level = 0; level < 60; level++) {
      mkdirSync(join(dir, 'next'));
      await rename(tree, join(dir, 'next', 'd'.repeat(200)));
      await rename(join(dir, 'next'), tree);
    }
    await removeTree(tree, signal);
    expect(readdirSync(dir)).toEqual([]);
  });
});
