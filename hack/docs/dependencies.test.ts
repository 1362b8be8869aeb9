import { readFileSync } from 'node:fs';
import { join } from 'node:path';

test('docs/dependencies.md speaks of every dependency and of no other', () => {
  const read = (file: string) => readFileSync(join(process.cwd(), file), 'utf8');
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
  const [runTime = '', development = ''] = read('docs/dependencies.md').split('\n## For development');
  const named = (text: string) => {
    const cells = [...text.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell]) => cell!.split(', '));
    return [...new Set(cells)].filter((name) => !/^(?:package|---)/.test(name)).sort();
  };
  expect(named(runTime)).toEqual(Object.keys(dependencies!).sort());
  expect(named(development)).toEqual(Object.keys(devDependencies!).sort());
});
