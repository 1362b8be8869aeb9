import { stringify } from 'yaml';
import type { Cluster } from '../cluster/state.ts';
import { inviteNodes } from '../kubeadm/clusterConfig.ts';
import { step } from '../lib/log.ts';
import { inGuest, mustInGuest } from './guest.ts';
import { kubeadmDropIn } from './image.ts';
import { vmLayout, vmNet } from './layout.ts';

const patience = 1_200_000;

/** What kubeadm leaves to us of the nodes' configuration. The CA lies where join puts it, not where the control plane has it. */
const kubeletConfig = {
  authentication: { x509: { clientCAFile: '/etc/kubernetes/pki/ca.crt' } },
  rotateCertificates: true,
};

/** Stops the node's agent and takes away what it knew, as on a machine that never was a node. Its Pods must be gone. */
const fresh = `set -e
systemctl stop kubelet-ts
rm -rf /var/lib/kubelet/* /etc/kubernetes /var/log/pods/* /var/log/containers/*
install -D -m 644 ${kubeadmDropIn} /etc/systemd/system/kubelet-ts.service.d/10-kubeadm.conf
systemctl daemon-reload`;

/** What kubeadm is told; everything may take long on an emulated machine. */
function joinConfiguration(nodeName: string, endpoint: string, token: string, caHash: string): object {
  const limit = `${patience / 60_000}m`;
  return {
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'JoinConfiguration',
    discovery: { bootstrapToken: { apiServerEndpoint: endpoint, token, caCertHashes: [caHash] } },
    nodeRegistration: {
      name: nodeName,
      criSocket: 'unix:///run/containerd/containerd.sock',
      kubeletExtraArgs: [{ name: 'node-ip', value: vmNet.address }],
    },
    timeouts: { kubeletHealthCheck: limit, tlsBootstrap: limit, discovery: limit, kubernetesAPICall: limit },
  };
}

/**
 * Makes the VM a fresh machine and joins it to its cluster with `kubeadm join`, under the name that it had; its Node object must be
 * gone. Nothing is ignored of kubeadm's preflight checks. Returns the output; throws with it when the join fails.
 */
export async function joinVm(cluster: Cluster): Promise<string> {
  const vm = vmLayout(cluster.layout);
  await step('a fresh machine', () => mustInGuest(vm, fresh, 300_000));
  const { endpoint, token, caHash } = await step('invitation by kubeadm', () => inviteNodes(cluster, kubeletConfig));
  const text = stringify(joinConfiguration(vm.nodeName, endpoint, token, caHash));
  const script = `(umask 077; echo ${Buffer.from(text).toString('base64')} | base64 -d > /run/join.yaml)
exec /opt/kubelet-ts/bin/kubeadm join --config /run/join.yaml --v=1 2>&1`;
  const { code, stdout } = await step('kubeadm join', () => inGuest(vm, script, patience));
  const output = stdout.replaceAll(token, '<token>');
  if (code !== 0) throw new Error(`kubeadm join ended with ${code}:\n${output}`);
  return output;
}
