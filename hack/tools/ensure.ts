import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ensurePackages } from '../lib/apt.ts';
import { withLock } from '../lib/lock.ts';
import { type Note, step } from '../lib/log.ts';
import { cacheDir } from '../lib/paths.ts';
import { run, which } from '../lib/run.ts';
import { type Component, type Group, groups } from './components.ts';

/** Where built programs are. */
export interface Tools {
  /** The path of a program; throws for one that is in none of the groups asked for. */
  bin(program: string): string;
  /** The directory that holds a program, for PATH-like settings. */
  dir(program: string): string;
}

function goModule(component: Component): string {
  return path.join(import.meta.dirname, component.module);
}

function flags(component: Component): string[] {
  const ldflags = `-s -w ${component.ldflags ?? ''}`.trim();
  return ['-trimpath', '-buildvcs=false', ...(component.tags ? ['-tags', component.tags] : []), '-ldflags', ldflags];
}

/** The directory of one build: its name changes with the version, the modules' checksums, our own sources and the flags. */
export function componentDir(component: Component): string {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(path.join(goModule(component), file)));
  for (const directory of component.sources ?? []) {
    const files = readdirSync(path.join(goModule(component), directory)).sort();
    for (const file of files) hash.update(readFileSync(path.join(goModule(component), directory, file)));
  }
  hash.update(JSON.stringify([flags(component), component.programs, component.cgo ?? false]));
  const name = `${component.name}-${component.version}-${hash.digest('hex').slice(0, 8)}`;
  return path.join(cacheDir(), 'tools', name);
}

async function compile(component: Component, bin: string, note: Note): Promise<void> {
  let packages = 0;
  const onLine = (line: string): void => {
    if (/^[\w./-]+$/.test(line)) packages++;
    note(line.startsWith('go: downloading') ? line : `${packages} packages compiled`);
  };
  const verb = component.test ? ['test', '-c', '-vet=off'] : ['build'];
  for (const [program, pkg] of Object.entries(component.programs)) {
    await run('go', [...verb, '-v', ...flags(component), '-o', path.join(bin, program), pkg], {
      cwd: goModule(component),
      env: {
        CGO_ENABLED: component.cgo ? '1' : '0',
        GOFLAGS: '-mod=readonly',
        ...(component.toolchain ? { GOTOOLCHAIN: component.toolchain } : {}),
      },
      onLine,
    });
  }
}

async function build(component: Component): Promise<void> {
  const target = componentDir(component);
  if (existsSync(target)) return;
  await withLock(`${target}.lock`, 3_600_000, async () => {
    if (existsSync(target)) return;
    if (!(await which('go'))) {
      throw new Error(`building ${component.name} needs Go 1.26 or newer in PATH (https://go.dev/dl)`);
    }
    if (component.packages) await ensurePackages(component.packages);
    const temporary = `${target}.tmp`;
    rmSync(temporary, { recursive: true, force: true });
    mkdirSync(path.join(temporary, 'bin'), { recursive: true });
    await step(`building ${component.name} ${component.version}`, (note) =>
      compile(component, path.join(temporary, 'bin'), note),
    );
    renameSync(temporary, target);
  });
}

/** Builds what is missing of these groups, one after the other, and tells where the programs are. */
export async function ensureTools(names: readonly Group[]): Promise<Tools> {
  const places = new Map<string, string>();
  for (const component of names.flatMap((name): Component[] => groups[name])) {
    await build(component);
    for (const program of Object.keys(component.programs))
      places.set(program, path.join(componentDir(component), 'bin'));
  }
  const dir = (program: string): string => {
    const place = places.get(program);
    if (!place) throw new Error(`${program} is in none of the tool groups ${names.join(', ')}`);
    return place;
  };
  return { dir, bin: (program) => path.join(dir(program), program) };
}

/** True when nothing of these groups needs building. */
export function areToolsBuilt(names: readonly Group[]): boolean {
  return names.flatMap((name): Component[] => groups[name]).every((component) => existsSync(componentDir(component)));
}
