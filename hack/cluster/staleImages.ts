import type { BuiltImage } from '../images/ensure.ts';
import { manifestDigest } from '../images/layout.ts';
import { say } from '../lib/log.ts';
import { tryRun } from '../lib/run.ts';
import type { RuntimePrograms } from './runtime.ts';
import type { Cluster } from './state.ts';

/**
 * Makes the runtime forget images that were built anew under the same name since it pulled them: with the pull policy
 * IfNotPresent it would use the old ones for ever. Containers that run from them go on.
 */
export async function forgetStaleImages(
  cluster: Cluster,
  programs: RuntimePrograms,
  images: readonly BuiltImage[],
): Promise<void> {
  const ctr = ['--address', cluster.layout.containerdSocket, '--namespace', 'k8s.io', 'images'];
  const { stdout } = await tryRun(programs.ctr, [...ctr, 'ls']);
  // REF TYPE DIGEST SIZE …
  const present = stdout
    .split('\n')
    .slice(1)
    .map((line) => line.split(/\s+/));
  const wanted = new Map(images.flatMap(({ refs, directory }) => refs.map((ref) => [ref, manifestDigest(directory)])));
  const stale = present.filter(([ref = '', , digest]) => wanted.has(ref) && wanted.get(ref) !== digest);
  const digests = new Set(stale.map(([, , digest]) => digest));
  // The CRI plugin knows an image by its digest and its configuration's digest too.
  const names = present.filter(([, , digest]) => digests.has(digest)).map(([ref = '']) => ref);
  if (names.length === 0) return;
  say(`images built anew: ${stale.map(([ref]) => ref).join(', ')}`);
  await tryRun(programs.ctr, [...ctr, 'rm', '--sync', ...names]);
}
