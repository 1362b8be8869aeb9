import type { Pod } from '../../types/k8s.ts';

/** A Pod's log directory: `<root>/<namespace>_<name>_<uid>`. */
export function podLogDirectory(root: string, pod: Pod): string {
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  return `${root}/${namespace}_${name}_${uid}`;
}

/** A container's log file, relative to the Pod's log directory; one file for each restart. */
export function containerLogPath(containerName: string, restartCount: number): string {
  return `${containerName}/${restartCount}.log`;
}
