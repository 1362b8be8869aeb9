import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LockFile } from './lockFile.ts';
import { makeSbom } from './sbom.ts';

const lock = JSON.parse(readFileSync(join(process.cwd(), 'package-lock.json'), 'utf8')) as LockFile;
const node = {
  name: 'node',
  version: '1.2.3',
  purl: 'pkg:generic/node@1.2.3',
  sha256: 'ab',
  parts: { v8: '1.0-node.1' },
};
const sbom = makeSbom(lock, 'x64', [node]);
const refs = new Set(sbom.components.map((component) => component['bom-ref']));

/** The packages that Node would find from the project's run-time dependencies on; not those that the lock file marks. */
function reachable(): Set<string> {
  const found = new Set<string>();
  const visit = (place: string, names: readonly string[]) => {
    for (const name of names) {
      const parts = place === '' ? [] : place.split('/node_modules/');
      const candidates = parts.map((_, i) => `${parts.slice(0, i + 1).join('/node_modules/')}/node_modules/${name}`);
      const at = [...candidates.reverse(), `node_modules/${name}`].find((candidate) => lock.packages[candidate]);
      if (!at || found.has(at)) continue;
      found.add(at);
      visit(at, Object.keys({ ...lock.packages[at]!.dependencies, ...lock.packages[at]!.peerDependencies }));
    }
  };
  visit('', Object.keys(lock.packages['']!.dependencies!));
  return found;
}

test('every package that the run-time dependencies lead to is in the bill of materials, with version, licence and hash', () => {
  const places = reachable();
  expect(places.size).toBeGreaterThan(30);
  for (const place of places) {
    const name = place.split('node_modules/').at(-1)!;
    const { version, integrity } = lock.packages[place]!;
    const found = sbom.components.find(
      (c) => (c.group ? `${c.group}/${c.name}` : c.name) === name && c.version === version,
    );
    expect({ place, licenses: found?.licenses?.length }).toEqual({ place, licenses: 1 });
    const sha512 = Buffer.from(integrity!.replace('sha512-', ''), 'base64').toString('hex');
    expect(found!.hashes).toEqual([{ alg: 'SHA-512', content: sha512 }]);
  }
});

test("koffi's native part for this processor is in it, those for others and what is only for development are not", () => {
  const names = sbom.components.map(({ name }) => name);
  expect(names.filter((name) => name.startsWith('koffi-'))).toEqual(['koffi-linux-x64']);
  expect(makeSbom(lock, 'arm64', []).components.map(({ name }) => name)).toContain('koffi-linux-arm64');
  expect(names).not.toContain('typescript');
  expect(names).not.toContain('esbuild');
});

test('every reference leads to a component, and every component is depended on', () => {
  const program = sbom.metadata.component['bom-ref'];
  expect(program).toBe(`pkg:generic/kubelet-ts@${lock.packages['']!.version}`);
  expect(sbom.dependencies.map(({ ref }) => ref).sort()).toEqual([program, ...refs].sort());
  const wanted = new Set(sbom.dependencies.flatMap(({ dependsOn }) => dependsOn));
  expect([...wanted].sort()).toEqual([...refs].sort());
});

test('Node stands in it with what it is made of', () => {
  expect(sbom.components.at(-1)).toMatchObject({
    name: 'node',
    hashes: [{ alg: 'SHA-256', content: 'ab' }],
    components: [{ name: 'v8', version: '1.0-node.1', purl: 'pkg:generic/v8@1.0-node.1' }],
  });
});
