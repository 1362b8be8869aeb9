import { existsSync, readFileSync } from 'node:fs';
import { completenessPage, PARTS } from './completeness.ts';

const all = Object.values(PARTS).flat();
const differences = readFileSync('docs/differences.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| '));

test('each thing stands in the list once', () => {
  const names = all.map(({ what }) => what);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  expect(names.length).toBeGreaterThan(140);
});

test.each(all)('$what', ({ state }) => {
  if ('built' in state) {
    const { file, title } = state.built;
    expect(file).toMatch(/\.test\.ts$/);
    expect(existsSync(file) && readFileSync(file, 'utf8').includes(title)).toBe(true);
  } else if ('differs' in state) {
    expect(differences.filter((row) => row.includes(state.differs))).toHaveLength(1);
  } else {
    expect(state.open).toMatch(/^[A-Za-z][\w -]+$/);
    expect(state.why.length).toBeGreaterThan(10);
  }
});

test('the page is what the list says', () => {
  const { now, wanted } = completenessPage();
  expect(now).toBe(wanted);
});
