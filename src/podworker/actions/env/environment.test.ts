import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBelow } from '../../../lib/fake/openFiles.ts';
import { silentLogger } from '../../../lib/logger.ts';
import { resolveEnv } from '../../spec/env.ts';
import { MAX_ENV_FILE_BYTES } from './envFile.ts';
import { type EnvironmentSource, envLookups } from './environment.ts';

let dir: string;
let volume: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'env-file-'));
  volume = join(dir, 'volume');
  mkdirSync(join(volume, 'd'), { recursive: true });
  writeFileSync(join(dir, 'secret'), "K='of the host'\n");
  writeFileSync(join(volume, 'd/plain'), "K='of the Pod'\n");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** The values of the variables that the files give, or the sentences of the container's CreateContainerConfigError. */
async function variables(paths: readonly string[], optional = false, mounted = true): Promise<string[]> {
  const source: EnvironmentSource = {
    hasApiServer: false,
    lookup: { get: () => ({ state: 'absent' }) } as unknown as EnvironmentSource['lookup'],
    log: silentLogger,
    services: () => [],
    hostIPs: () => [],
    allocatable: () => null,
    volumePath: () => (mounted ? volume : undefined),
  };
  const env = paths.map((path, i) => {
    return { name: `A${i}`, valueFrom: { fileKeyRef: { volumeName: 'v', path, key: 'K', optional } } };
  });
  const container = { name: 'c', env };
  const pod = { metadata: { uid: 'u' }, spec: { enableServiceLinks: false, containers: [container] } };
  const resolved = resolveEnv(pod, container, await envLookups(source, pod, container, []));
  return 'env' in resolved ? resolved.env.map((v) => v.value) : resolved.missing.map((m) => m.message);
}

/** The one of a single file. */
async function variable(path: string, optional = false, mounted = true): Promise<string | undefined> {
  const [only, ...others] = await variables([path], optional, mounted);
  expect(others).toEqual([]);
  return only;
}

describe('a file that fileKeyRef names', () => {
  test.each([
    ['plain', 'd/plain'],
    ['with idle parts', './d//plain'],
    ['from the root of the volume', '/d/plain'],
    ['through ..', 'd/../../../d/plain'],
  ])('%s', async (_name, path) => expect(await variable(path)).toBe('of the Pod'));

  test.each([
    ['relative', 'plain'],
    ['through its parent', '../d/plain'],
    ['absolute: the root is the volume', '/d/plain'],
    ['out and in again', '../../../../d/plain'],
  ])('a link inside is followed: %s', async (_name, target) => {
    symlinkSync(target, join(volume, 'd/link'));
    symlinkSync('d/link', join(volume, 'chain'));
    expect(await variable('d/link')).toBe('of the Pod');
    expect(await variable('chain')).toBe('of the Pod');
  });

  test('a link out finds nothing of the host', async () => {
    symlinkSync(join(dir, 'secret'), join(volume, 'absolute'));
    symlinkSync('../secret', join(volume, 'relative'));
    symlinkSync('..', join(volume, 'up'));
    symlinkSync(dir, join(volume, 'directory'));
    symlinkSync('/dev/zero', join(volume, 'zero'));
    for (const path of ['absolute', 'relative', 'up/secret', 'directory/secret', 'zero', '../secret']) {
      expect([path, await variable(path)]).toEqual([path, "couldn't parse env file"]);
    }
  });

  test('a link may not lead round for ever', async () => {
    symlinkSync('loop', join(volume, 'loop'));
    expect(await variable('loop')).toBe("couldn't parse env file: path loop has more than 40 symlinks");
  });

  test('no more directories are walked than fit in a path, links included', async () => {
    const longer = 'is longer than 4095 bytes with its links';
    expect(await variable(`${'a/'.repeat(2100)}b`)).toContain(longer);
    symlinkSync('a/'.repeat(1500), join(volume, 'far'));
    expect(await variable(`far/${'a/'.repeat(1000)}b`)).toContain(longer);
  });

  test('a pipe does not hold anybody up', async () => {
    execFileSync('mkfifo', [join(volume, 'pipe')]);
    expect(await variable('pipe')).toBe('couldn\'t parse env file: "pipe" in volume "v" is not a regular file');
  });

  test('a directory is no file', async () => {
    expect(await variable('d')).toBe('couldn\'t parse env file: "d" in volume "v" is not a regular file');
  });

  test('a huge file is not read', async () => {
    truncateSync(join(volume, 'd/plain'), 2 ** 40);
    const sentence = `couldn't parse env file: "d/plain" in volume "v" makes the container's env files larger than ${MAX_ENV_FILE_BYTES} bytes`;
    expect(await variable('d/plain')).toBe(sentence);
    const start = "K='of the Pod'\n".padEnd(MAX_ENV_FILE_BYTES, '\n');
    writeFileSync(join(volume, 'd/plain'), start);
    expect(await variable('d/plain')).toBe('of the Pod');
    writeFileSync(join(volume, 'd/plain'), `${start}\n`);
    expect(await variable('d/plain')).toBe(sentence);
  });

  test('all files of a container share the limit; one that is named twice counts once', async () => {
    const text = "K='1'\n".padEnd(MAX_ENV_FILE_BYTES / 4, '#');
    for (const name of ['1', '2', '3', '4', '5']) writeFileSync(join(volume, name), text);
    expect(await variables(['1', '2', '3', '4', '1'])).toEqual(['1', '1', '1', '1', '1']);
    const sentence = `"5" in volume "v" makes the container's env files larger than ${MAX_ENV_FILE_BYTES} bytes`;
    expect(await variables(['1', '2', '3', '4', '5'])).toEqual([`couldn't parse env file: ${sentence}`]);
  });

  test('one that is missing is an error even if optional, as in the Go kubelet: only the key may be missing', async () => {
    expect(await variable('nope', true)).toBe("couldn't parse env file");
    expect(await variable('d/plain/nope')).toBe("couldn't parse env file");
    writeFileSync(join(volume, 'd/plain'), "OTHER='x'\n");
    expect(await variable('d/plain', true)).toBeUndefined();
    symlinkSync('d/plain', join(volume, 'link'));
    const sentence = `environment variable key "K" not found in file "${join(volume, 'd/plain')}"`;
    expect(await variable('link')).toBe(sentence);
  });

  test('a volume that is not mounted', async () => {
    expect(await variable('d/plain', false, false)).toBe('cannot find the volume "v" referenced by FileKeyRef');
  });

  test('nothing stays open', async () => {
    symlinkSync('../d/plain', join(volume, 'd/link'));
    symlinkSync('loop', join(volume, 'loop'));
    await variable('d/link');
    for (const path of ['d/link', 'd', 'loop', 'd/nope', 'd/plain/x']) await variable(path);
    expect(openBelow(dir)).toEqual([]);
  });
});
