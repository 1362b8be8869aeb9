import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { net } from '../cluster/layout.ts';
import { inside } from '../cluster/service.ts';
import type { Cluster } from '../cluster/state.ts';
import { run } from '../lib/run.ts';
import { kubernetesVersion } from '../tools/components.ts';
import { ensureTools } from '../tools/ensure.ts';

/** What a joining node needs to know. */
export interface JoinInvitation {
  readonly endpoint: string;
  readonly token: string;
  readonly caHash: string;
}

/**
 * Makes a control plane that kubeadm did not make one that nodes can join with `kubeadm join`: kubeadm's own phases write
 * cluster-info, a bootstrap token with its roles, kubeadm-config and kubelet-config. `kubelet` goes into kubelet-config.
 */
export async function inviteNodes(control: Cluster, kubelet: object): Promise<JoinInvitation> {
  const { layout } = control;
  const kubeadm = (await ensureTools(['kubeadm'])).bin('kubeadm');
  const token = `${randomBytes(3).toString('hex')}.${randomBytes(8).toString('hex')}`;
  const file = path.join(layout.state, 'kubeadm.yaml');
  writeFileSync(file, documents(control, token, kubelet), { mode: 0o600 });
  const phases = [['upload-config', 'kubeadm'], ['upload-config', 'kubelet'], ['bootstrap-token']];
  for (const phase of phases) {
    const argv = [kubeadm, 'init', 'phase', ...phase, '--config', file, '--kubeconfig', layout.insideKubeconfig];
    const [command = '', ...args] = inside(control, 'network', argv);
    await run(command, args);
  }
  const ca = new X509Certificate(readFileSync(path.join(layout.pki, 'ca.crt')));
  const spki = ca.publicKey.export({ type: 'spki', format: 'der' });
  const caHash = `sha256:${createHash('sha256').update(spki).digest('hex')}`;
  return { endpoint: `${net.nodeAddress}:${net.apiPort}`, token, caHash };
}

function documents(control: Cluster, token: string, kubelet: object): string {
  const version = 'kubeadm.k8s.io/v1beta4';
  const init = {
    apiVersion: version,
    kind: 'InitConfiguration',
    bootstrapTokens: [{ token, ttl: '1h0m0s' }],
    localAPIEndpoint: { advertiseAddress: net.nodeAddress, bindPort: net.apiPort },
    nodeRegistration: {
      name: control.layout.nodeName,
      criSocket: `unix://${control.layout.containerdSocket}`,
    },
  };
  const cluster = {
    apiVersion: version,
    kind: 'ClusterConfiguration',
    kubernetesVersion,
    clusterName: control.layout.name,
    controlPlaneEndpoint: `${net.nodeAddress}:${net.apiPort}`,
    certificatesDir: control.layout.pki,
    networking: { serviceSubnet: net.serviceCidr, podSubnet: net.podCidr, dnsDomain: 'cluster.local' },
  };
  const config = { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', ...kubelet };
  return [init, cluster, config].map((document) => stringify(document)).join('---\n');
}
