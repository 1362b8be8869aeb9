import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ensurePackages } from '../lib/apt.ts';
import { withLock } from '../lib/lock.ts';
import { step } from '../lib/log.ts';
import { cacheDir } from '../lib/paths.ts';
import { type Component, groups } from '../tools/components.ts';
import { componentDir, ensureTools } from '../tools/ensure.ts';
import type { ImageDefinition } from './definition.ts';
import { definitions, type ImageName } from './definitions/index.ts';
import { writeImage } from './layout.ts';

/** A built image: where it is, and the references under which it is served. */
export interface BuiltImage {
  refs: readonly string[];
  directory: string;
}

function imageDir(definition: ImageDefinition): string {
  const hash = createHash('sha256');
  for (const file of definition.inputs) hash.update(readFileSync(file));
  for (const component of definition.groups.flatMap((name): Component[] => groups[name])) {
    hash.update(path.basename(componentDir(component)));
  }
  hash.update(JSON.stringify(definition.config));
  if (definition.base) hash.update(path.basename(imageDir(definition.base)));
  return path.join(cacheDir(), 'images', `${definition.name}-${hash.digest('hex').slice(0, 8)}`);
}

async function image(name: string): Promise<string> {
  const [built] = await ensureImages([name as ImageName]);
  if (!built) throw new Error(`no image is called ${name}`);
  return built.directory;
}

async function build(definition: ImageDefinition, target: string): Promise<void> {
  const temporary = `${target}.tmp`;
  const [root, work] = [path.join(temporary, 'root'), path.join(temporary, 'work')];
  const tools = await ensureTools(definition.groups);
  await ensurePackages(definition.packages);
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  mkdirSync(work);
  const base = definition.base && (await image(definition.base.name));
  await step(`building image ${definition.name}`, async () => {
    await definition.build({ root, work, tools, image });
    await writeImage(temporary, root, definition.config, base);
  });
  rmSync(root, { recursive: true });
  rmSync(work, { recursive: true });
  renameSync(temporary, target);
}

/** Builds what is missing of these images. The same content always gives the same digest. */
export async function ensureImages(names: readonly ImageName[]): Promise<BuiltImage[]> {
  const built: BuiltImage[] = [];
  for (const name of names) {
    const definition: ImageDefinition = definitions[name];
    const directory = imageDir(definition);
    if (!existsSync(directory)) {
      await withLock(`${directory}.lock`, 1_800_000, async () => {
        if (!existsSync(directory)) await build(definition, directory);
      });
    }
    built.push({ refs: definition.refs, directory });
  }
  return built;
}
