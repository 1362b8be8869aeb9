import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError, CheckpointFile, type CheckpointFormat } from './checkpointFile.ts';
import { failure } from './fake/until.ts';
import { parseObject } from './parseObject.ts';

/**
 * One JSON object: version, SHA-256 of the value's text, value. Another version, another checksum or a value that `check` throws at is
 * refused.
 */
function checksummedJson<T>(what: string, version: number, check: (value: unknown) => T): CheckpointFormat<T> {
  return {
    what,
    encode(value) {
      const text = JSON.stringify(value);
      return `{"version":${version},"checksum":"${checksum(text)}","value":${text}}\n`;
    },
    decode(text) {
      const file = parseObject(text);
      if (file.version !== version)
        throw new Error(`it has version ${JSON.stringify(file.version)}, and this program knows version ${version}`);
      if (file.checksum !== checksum(JSON.stringify(file.value)))
        throw new Error('its checksum does not fit its content');
      return check(file.value);
    },
  };
}

const checksum = (text: string | undefined): string =>
  createHash('sha256')
    .update(text ?? '')
    .digest('hex');

interface State {
  cpus: number[];
}
const format = checksummedJson<State>('test state', 2, (value) => {
  if (!Array.isArray((value as State | null)?.cpus)) throw new Error('it has no cpus');
  return value as State;
});

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'checkpoint-'));
  path = join(directory, 'state');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('what was saved is loaded; without a file there is nothing; only root reads it', async () => {
  const file = new CheckpointFile(join(directory, 'new/state'), format);
  expect(await file.load()).toBeUndefined();
  await file.save({ cpus: [1, 2] });
  expect(await new CheckpointFile(file.path, format).load()).toEqual({ cpus: [1, 2] });
  expect((await stat(file.path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(directory, 'new'))).toEqual(['state']);
  await file.remove();
  expect(await file.load()).toBeUndefined();
});

test('of many saves at once the last one stays, and each is as it was when it was asked for', async () => {
  const file = new CheckpointFile(path, format);
  const state: State = { cpus: [] };
  const saves = Array.from({ length: 20 }, (_, i) => {
    state.cpus = [i];
    return file.save(state);
  });
  state.cpus = [99];
  await Promise.all(saves);
  expect(await file.load()).toEqual({ cpus: [19] });
});

test('a save that fails is told to its caller, and does not keep later ones from being carried out', async () => {
  const file = new CheckpointFile(join(directory, 'file/state'), format);
  await writeFile(join(directory, 'file'), '');
  await failure(file.save({ cpus: [1] }));
  await rm(join(directory, 'file'));
  await file.save({ cpus: [2] });
  expect(await file.load()).toEqual({ cpus: [2] });
});

test.each([
  ['a changed value', (text: string) => text.replace('[1]', '[7]'), 'its checksum does not fit its content'],
  ['a changed checksum', (text: string) => text.replace(/checksum":"./, 'checksum":"x'), 'its checksum does not fit'],
  [
    'another version',
    (text: string) => text.replace(':2,', ':3,'),
    'it has version 3, and this program knows version 2',
  ],
  ['half of it', (text: string) => text.slice(0, 20), 'it is no JSON'],
  ['nothing', () => '', 'it is no JSON'],
  ['a list', () => '[]', 'it is no JSON object'],
  ['another shape', () => checksummedJson<unknown>('', 2, (v) => v).encode({}), 'it has no cpus'],
  ['too much', () => 'x'.repeat(2000), 'it is longer than 1000 bytes, which is more than is read'],
])('%s is refused with a sentence and left as it is', async (_, change, problem) => {
  const file = new CheckpointFile(path, format, { maxBytes: 1000 });
  await file.save({ cpus: [1] });
  const changed = change(await readFile(path, 'utf8'));
  await writeFile(path, changed);
  const error = await failure(file.load());
  expect(error).toBeInstanceOf(CheckpointError);
  expect((error as Error).message).toContain(`the test state in "${path}" cannot be used: ${problem}`);
  expect(await readFile(path, 'utf8')).toBe(changed);
});

test('a file that cannot be read is refused, not taken for none', async () => {
  expect(await failure(new CheckpointFile(directory, format).load())).toBeInstanceOf(CheckpointError);
});

test('a state that is longer than what would be read back is not written, and the last one stays', async () => {
  const file = new CheckpointFile(path, format, { maxBytes: 200 });
  await file.save({ cpus: [1] });
  expect(await failure(file.save({ cpus: Array.from({ length: 200 }, () => 1) }))).toBeInstanceOf(CheckpointError);
  expect(await file.load()).toEqual({ cpus: [1] });
});
