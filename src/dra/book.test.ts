import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClaimBook } from './book.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kts-dra-'));
});
afterEach(() => rmSync(root, { recursive: true }));

interface Recorded {
  readonly kind: string;
  readonly name: string;
  readonly text: string;
}
const all: Recorded[] = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../hack/checkpoints/recorded.json'), 'utf8'),
);
const recorded = all.filter(({ kind }) => kind === 'dra').map(({ name, text }) => [name, text] as const);

test('there are files of the Go kubelet to compare with', () => expect(recorded.length).toBeGreaterThan(0));

test.each(recorded)('a file of the Go kubelet is taken, and written as it was: %s', async (_, text) => {
  const path = join(root, 'dra_manager_state');
  const contentOf = (file: string) => {
    const data = JSON.parse(JSON.parse(file).Data);
    return { ...data, ClaimInfoStateList: data.ClaimInfoStateList ?? [] };
  };
  writeFileSync(path, text);
  const book = new ClaimBook(root);
  await book.load();
  await book.save();
  expect(contentOf(readFileSync(path, 'utf8'))).toEqual(contentOf(text));
});
