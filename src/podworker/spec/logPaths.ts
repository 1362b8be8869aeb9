import { goQuote } from '../../k8s/goText.ts';
import { KubeletError } from '../../lib/errors.ts';
import type { Pod } from '../../types/k8s.ts';

/**
 * A Pod's log directory: `<root>/<namespace>_<name>_<uid>`. Throws when that is no one file name: of a Pod that only the runtime knows
 * the names are labels, which nobody has checked.
 */
export function podLogDirectory(root: string, pod: Pod): string {
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  const directory = `${namespace}_${name}_${uid}`;
  if (!/[/\0]/.test(directory)) return `${root}/${directory}`;
  throw new KubeletError(`${goQuote(directory)} cannot be the name of a log directory`, { code: 'UnsafePath' });
}

/** A container's log file, relative to the Pod's log directory; one file for each restart. */
export function containerLogPath(containerName: string, restartCount: number): string {
  return `${containerName}/${restartCount}.log`;
}
