import path from 'node:path';
import { run } from '../lib/run.ts';

/** The directory of a file or directory in the Kubernetes module that the tools are built from. */
export async function kubernetesFile(name: string): Promise<string> {
  const cwd = path.join(import.meta.dirname, '../tools/kubernetes');
  const args = ['list', '-m', '-f', '{{.Dir}}', 'k8s.io/kubernetes'];
  return path.join((await run('go', args, { cwd, env: { GOFLAGS: '-mod=mod' } })).trim(), name);
}
