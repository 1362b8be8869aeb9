import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = process.cwd();
const page = readFileSync(join(root, 'docs/differences.md'), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:difference|---)/.test(line));
/** The text of the difference, the file and the name of the test that holds it. */
const held = rows.map((row): [string, string, string] => {
  const [, what = '', file = '', name = ''] = /^\| (.*?) \| .* \| `([^`]+)`: "(.*)" \|$/.exec(row) ?? [];
  return [what || row, file, name];
});

test('the page has its rows', () => expect(held.length).toBeGreaterThan(35));

test.each(held)('%s', (_what, file, name) => {
  expect(file).toMatch(/\.(?:test|table)\.ts$/);
  expect(existsSync(join(root, file))).toBe(true);
  expect(readFileSync(join(root, file), 'utf8')).toContain(name);
});
