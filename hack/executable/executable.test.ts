import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { refuseWideText } from './bundle.ts';
import { checksumsName, writeChecksums } from './checksums.ts';

const root = process.cwd();

test("undici's stand-in has every name that src/ imports from undici", () => {
  const files = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const sources = files.filter((file) => /(?<!\.test)\.ts$/.test(file) && !/\/fake\//.test(file));
  const names = sources.flatMap((file) => {
    const imports = readFileSync(path.join(root, 'src', file), 'utf8').matchAll(
      /import (?!type )\{([^}]*)\} from 'undici'/g,
    );
    return [...imports].flatMap(([, list]) => list!.split(',').map((name) => name.trim()));
  });
  const values = [...new Set(names.filter((name) => name !== '' && !name.startsWith('type ')))].sort();
  expect(values.length).toBeGreaterThan(2);
  const standIn = createRequire(path.join(root, 'package.json'))('./hack/executable/undici.cjs') as Record<
    string,
    unknown
  >;
  for (const name of values) expect({ name, type: typeof standIn[name] }).toEqual({ name, type: 'function' });
});

test('the pinned Node is the one of package.json', () => {
  const { devDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const pinned = readFileSync(path.join(root, 'hack/executable/nodeBinary.ts'), 'utf8');
  expect(pinned).toContain(`NODE_VERSION = '${devDependencies.node}'`);
});

test('sha256sum accepts the checksums, and they name every file', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'checksums-'));
  try {
    mkdirSync(path.join(directory, 'sub'));
    writeFileSync(path.join(directory, 'a'), 'a');
    writeFileSync(path.join(directory, 'sub/b'), 'b');
    writeChecksums(directory);
    writeChecksums(directory); // does not count its own last result
    const said = execFileSync('sha256sum', ['-c', checksumsName], { cwd: directory, encoding: 'utf8' });
    expect(said).toBe('a: OK\nsub/b: OK\n');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('a script with a character that costs two bytes for each of all others is refused, with its place', () => {
  expect(() => refuseWideText('const A=/ns|us/;')).not.toThrow();
  expect(() => refuseWideText('const A=/ns|\u03bcs/;')).toThrow(/write it as \\uXXXX: "const A=\/ns\|\u03bcs\/;"/);
});
