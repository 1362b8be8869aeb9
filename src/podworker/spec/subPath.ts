import type { VolumeMount } from '../../types/k8s.ts';
import type { ResolvedVariable } from './envTypes.ts';
import { expand } from './expansion.ts';
import { SpecError } from './specError.ts';

/**
 * The path in the volume that a mount shows; empty for the whole volume. subPathExpr is expanded with the container's
 * environment. Throws for a variable that is missing or empty, an absolute path, and `..`.
 * What it returns may still cross symbolic links that the container's neighbours made.
 */
export function mountSubPath(mount: VolumeMount, env: readonly ResolvedVariable[]): string {
  const path = mount.subPathExpr ? expandedSubPath(mount.subPathExpr, env) : (mount.subPath ?? '');
  if (path.startsWith('/')) throw new SpecError(`error SubPath \`${path}\` must not be an absolute path`);
  if (path.split('/').includes('..')) {
    throw new SpecError(`unable to provision SubPath \`${path}\`: must not contain '..'`);
  }
  return path;
}

function expandedSubPath(expression: string, env: readonly ResolvedVariable[]): string {
  const values = new Map(env.map(({ name, value }) => [name, value]));
  const missing = new Set<string>();
  const path = expand(expression, (name) => {
    const value = values.get(name) ?? '';
    if (value === '') missing.add(name);
    return value;
  });
  if (missing.size > 0) throw new SpecError(`missing value for ${[...missing].sort().join(', ')}`);
  return path;
}
