import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAuthority } from '../../api/fake/certificates.ts';
import { PairStore } from './pairStore.ts';

const authority = new TestAuthority();
const wall = new Date(2026, 10, 21, 19, 7, 5).getTime();
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pairs-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const store = (fallback?: { cert: string; key: string }) => new PairStore(directory, 'kubelet-client', fallback);
const file = (name: string) => join(directory, name);

test("an update lies in kubelet's layout and is read back", async () => {
  const { cert, key } = authority.issue('system:node:a', ['system:nodes']);
  await store().update(cert, key, wall);
  expect(readdirSync(directory).sort()).toEqual([
    'kubelet-client-2026-11-21-19-07-05.pem',
    'kubelet-client-current.pem',
  ]);
  expect(readlinkSync(file('kubelet-client-current.pem'))).toBe(file('kubelet-client-2026-11-21-19-07-05.pem'));
  expect(lstatSync(file('kubelet-client-2026-11-21-19-07-05.pem')).mode & 0o777).toBe(0o600);
  const pair = await store().current();
  expect(pair!.leaf.subject).toContain('CN=system:node:a');
  expect(pair!.key.trim()).toBe(key.trim());
});

test('a second update leaves the first file and moves the link', async () => {
  const [one, two] = [authority.issue('one'), authority.issue('two')];
  await store().update(one.cert, one.key, wall);
  await store().update(two.cert, two.key, wall + 1000);
  expect(readdirSync(directory)).toHaveLength(3);
  expect((await store().current())!.leaf.subject).toContain('two');
});

test('an update that the Go kubelet did not finish is finished', async () => {
  const { cert, key } = authority.issue('half');
  await store().update(cert, key, wall);
  renameSync(file('kubelet-client-current.pem'), file('kubelet-client-updated.pem'));
  expect((await store().current())!.leaf.subject).toContain('half');
  expect(lstatSync(file('kubelet-client-current.pem')).isSymbolicLink()).toBe(true);
});

test('without a link: the configured files, then the old pair of files, then nothing', async () => {
  expect(await store().current()).toBeUndefined();
  const old = authority.issue('old');
  writeFileSync(file('kubelet-client.crt'), old.cert);
  expect(await store().current()).toBeUndefined();
  writeFileSync(file('kubelet-client.key'), old.key);
  expect((await store().current())!.leaf.subject).toContain('old');
  const given = authority.issue('given');
  writeFileSync(file('g.crt'), given.cert);
  writeFileSync(file('g.key'), given.key);
  const configured = store({ cert: file('g.crt'), key: file('g.key') });
  expect((await configured.current())!.leaf.subject).toContain('given');
});

test.each([
  ['an empty file', '', /no certificate in it/],
  ['a certificate alone', authority.issue('x').cert, /no private key in it/],
  [
    'the key of another',
    authority.issue('x').cert + authority.issue('y').key,
    /the key is not that of the certificate/,
  ],
])('%s is refused with a sentence that names the file', async (_name, text, sentence) => {
  writeFileSync(file('kubelet-client-current.pem'), text);
  await expect(store().current()).rejects.toThrow(sentence);
  await expect(store().current()).rejects.toThrow(file('kubelet-client-current.pem'));
});

test('a directory or file in the place of the link is never replaced', async () => {
  const { cert, key } = authority.issue('a');
  writeFileSync(file('kubelet-client-current.pem'), 'mine');
  await expect(store().update(cert, key, wall)).rejects.toThrow(/must be a symbolic link/);
  expect(readFileSync(file('kubelet-client-current.pem'), 'utf8')).toBe('mine');
  rmSync(file('kubelet-client-current.pem'));
  mkdirSync(file('kubelet-client-updated.pem'));
  await expect(store().update(cert, key, wall)).rejects.toThrow(/must be a symbolic link/);
});

test('an answer for another key is not stored', async () => {
  await expect(store().update(authority.issue('a').cert, authority.issue('b').key, wall)).rejects.toThrow(/signer/);
  expect(readdirSync(directory)).toEqual([]);
});
