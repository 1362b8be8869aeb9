import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { repoRoot } from '../lib/paths.ts';
import { run } from '../lib/run.ts';
import { sha256Of } from './checksums.ts';
import { buildExecutable } from './executable.ts';
import { copyLibraries, type Library, libraries } from './libraries.ts';
import { licenseTexts } from './licenses.ts';
import { type LockFile, runtimePlaces } from './lockFile.ts';
import { NODE_VERSION, nodeBinary } from './nodeBinary.ts';
import { type ExtraComponent, makeSbom, type Sbom } from './sbom.ts';

/** What process.versions tells that is no library. */
const NO_LIBRARY = ['node', 'modules', 'napi', 'unicode', 'cldr', 'tz'];

/** Builds the executable into `directory`, with everything that goes with it: shared libraries, licences, bill of materials. */
export async function deliver(directory: string): Promise<void> {
  const node = nodeBinary();
  const bundled = await buildExecutable(directory);
  const beside = await libraries(node.file);
  copyLibraries(beside, directory);
  const lock = JSON.parse(readFileSync(path.join(repoRoot, 'package-lock.json'), 'utf8')) as LockFile;
  const versions = JSON.parse(await run(node.file, ['-p', 'JSON.stringify(process.versions)']));
  for (const name of NO_LIBRARY) delete versions[name];
  const sbom = makeSbom(lock, process.arch, [
    {
      name: 'node',
      version: NODE_VERSION,
      purl: `pkg:generic/node@${NODE_VERSION}`,
      license: 'MIT',
      sha256: node.sha256,
      parts: versions,
    },
    ...beside.map(libraryComponent),
  ]);
  expectAllIn(sbom, bundled);
  writeFileSync(path.join(directory, 'kubelet-ts.cdx.json'), `${JSON.stringify(sbom, null, 2)}\n`);
  const texts = licenseTexts(runtimePlaces(lock, process.arch), node.license, beside);
  writeFileSync(path.join(directory, 'licenses.txt'), texts);
}

function libraryComponent({ name, file, package: debian, version }: Library): ExtraComponent {
  return {
    name,
    version,
    purl: `pkg:deb/debian/${debian}@${encodeURIComponent(version)}`,
    license: 'GPL-3.0-or-later WITH GCC-exception-3.1',
    sha256: sha256Of(file),
  };
}

/** A package that is in the bundle and not among the run-time dependencies would be shipped without anybody knowing. */
function expectAllIn({ components }: Sbom, bundled: readonly string[]): void {
  const known = new Set(components.map(({ group, name }) => (group ? `${group}/${name}` : name)));
  const unknown = bundled.filter((name) => !known.has(name));
  if (unknown.length > 0) throw new Error(`bundled, but no run-time dependency in package-lock.json: ${unknown}`);
}
