import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { cachedBundle } from '../build.ts';
import { net } from '../cluster/layout.ts';
import { issueNode, writeKubeconfig } from '../cluster/pki.ts';
import type { Cluster } from '../cluster/state.ts';
import { step } from '../lib/log.ts';
import { run } from '../lib/run.ts';
import { ensureTools } from '../tools/ensure.ts';
import { vmLayout, vmNet } from './layout.ts';
import { bundleRootTests } from './rootTests.ts';

/** What a node of an ordinary cluster has; the cgroup driver is left out, for the runtime tells it. */
function kubeletConfiguration(): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: '/opt/kubelet-ts/etc/ca.crt' },
    },
    authorization: { mode: 'Webhook' },
    clusterDNS: [net.clusterDns],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    staticPodPath: '/etc/kubernetes/manifests',
    kubeReserved: { cpu: '100m', memory: '256Mi' },
    systemReserved: { pid: '5000' },
    systemReservedCgroup: '/system.slice',
    enforceNodeAllocatable: ['pods', 'system-reserved'],
  };
}

/** Writes the VM's second disk: the bundle of this checkout, the node's identity and configuration, and kubeadm. */
export async function writeSeed(cluster: Cluster): Promise<void> {
  const { layout } = cluster;
  const { nodeName, seed } = vmLayout(layout);
  const directory = `${seed}.d`;
  const etc = path.join(directory, 'etc');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(etc, { recursive: true, mode: 0o755 });
  await issueNode(layout, nodeName);
  writeKubeconfig(layout, nodeName, `https://${net.nodeAddress}:${net.apiPort}`, path.join(etc, 'kubeconfig'));
  cpSync(path.join(layout.pki, 'ca.crt'), path.join(etc, 'ca.crt'));
  writeFileSync(path.join(etc, 'config.yaml'), stringify(kubeletConfiguration()));
  const args = [
    '--config=/opt/kubelet-ts/etc/config.yaml',
    '--kubeconfig=/opt/kubelet-ts/etc/kubeconfig',
    `--hostname-override=${nodeName}`,
    `--node-ip=${vmNet.address}`,
    '--v=2',
  ];
  writeFileSync(path.join(etc, 'kubelet-ts.env'), `KUBELET_TS_ARGS=${args.join(' ')}\n`);
  const bundle = await step('bundle', () => cachedBundle());
  cpSync(path.dirname(bundle), path.join(directory, 'bundle'), { recursive: true });
  await bundleRootTests(path.join(directory, 'bundle'));
  mkdirSync(path.join(directory, 'bin'));
  cpSync((await ensureTools(['kubeadm'])).bin('kubeadm'), path.join(directory, 'bin/kubeadm'));
  rmSync(seed, { force: true });
  await run('mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', '-d', directory, seed, '256M']);
  rmSync(directory, { recursive: true });
}
