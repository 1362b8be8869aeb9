import type { Logger } from '../../lib/logger.ts';
import type { ManifestProblem } from './manifestContent.ts';
import type { StaticPodSource } from './staticPods.ts';

/**
 * Says what is wrong with static Pod manifests: one line when a problem appears or its text changes, one when a file was
 * corrected or removed, none while it stays as it is. A manifest with a problem keeps its version of before in force, so without this line
 * nobody would know why the node does not do what the file says.
 */
export function logManifests(source: Pick<StaticPodSource, 'onProblems' | 'onWarnings'>, log: Logger): Disposable {
  const own = new DisposableStack();
  let known = new Map<string, string>();
  own.use(
    source.onProblems((problems) => {
      const now = new Map(problems.map((p) => [p.sentence, p.file]));
      for (const [sentence, file] of now) if (!known.has(sentence)) log.error(sentence, { manifest: file });
      const bad = new Set(now.values());
      for (const file of new Set(known.values()))
        if (!bad.has(file)) log.info('the manifest was corrected or removed', { manifest: file });
      known = now;
    }),
  );
  own.use(
    source.onWarnings((warnings: readonly ManifestProblem[]) => {
      for (const { sentence, file } of warnings) log.warn(sentence, { manifest: file });
    }),
  );
  return own;
}
