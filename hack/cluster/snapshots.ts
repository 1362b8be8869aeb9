import path from 'node:path';
import { run } from '../lib/run.ts';
import { ensureTools } from '../tools/ensure.ts';
import { startService } from './service.ts';
import type { Cluster } from './state.ts';

/** The directory of a Go module that hack/tools/csi is made of. */
async function moduleDirectory(name: string): Promise<string> {
  const cwd = path.join(import.meta.dirname, '../tools/csi');
  return (await run('go', ['list', '-m', '-f', '{{.Dir}}', name], { cwd, env: { GOFLAGS: '-mod=mod' } })).trim();
}

/**
 * Gives the cluster the kinds of snapshot.storage.k8s.io and their controller, as a process beside the kubelet. Without them
 * the snapshotter that test manifests put beside a CSI driver does not start.
 */
export async function startSnapshots(cluster: Cluster): Promise<void> {
  const { layout } = cluster;
  const tools = await ensureTools(['kubernetes', 'csi']);
  const definitions = path.join(
    await moduleDirectory('github.com/kubernetes-csi/external-snapshotter/client/v8'),
    'config/crd',
  );
  const kubectl = async (...args: string[]): Promise<void> => {
    await run(tools.bin('kubectl'), [`--kubeconfig=${layout.adminKubeconfig}`, ...args]);
  };
  await kubectl('apply', '--server-side', '-k', definitions);
  await kubectl('wait', '--for=condition=Established', '--timeout=60s', 'customresourcedefinitions', '--all');
  startService(cluster, {
    name: 'snapshot-controller',
    argv: [
      tools.bin('snapshot-controller'),
      `--kubeconfig=${layout.insideKubeconfig}`,
      '--leader-election=false',
      '--v=2',
    ],
    place: 'network',
  });
}
