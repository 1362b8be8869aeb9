import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readHosts, readResolvConf } from './nodeFiles.ts';

describe('files of the node', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'node-files-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test('resolv.conf: its text; none when none is set; why it cannot be read, until it can', () => {
    const path = join(dir, 'resolv.conf');
    expect(readResolvConf('')).toBeNull();
    expect(readResolvConf(path)).toEqual({ unreadable: `open ${path}: no such file or directory` });
    expect(readResolvConf(dir)).toEqual({ unreadable: `read ${dir}: is a directory` });
    writeFileSync(path, 'nameserver 1.2.3.4\n');
    expect(readResolvConf(path)).toBe('nameserver 1.2.3.4\n');
    writeFileSync(path, '');
    expect(readResolvConf(path)).toBe('');
  });

  test("the hosts file: its text, or an error in kubelet's words", async () => {
    const path = join(dir, 'hosts');
    await expect(readHosts(path)).rejects.toThrow(`open ${path}: no such file or directory`);
    writeFileSync(path, '127.0.0.1 localhost\n');
    expect(await readHosts(path)).toBe('127.0.0.1 localhost\n');
  });
});
