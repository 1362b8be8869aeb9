import { joinVm } from '../../hack/vm/join.ts';
import { type Checks, kubectl, untilCondition } from '../cluster/checks.ts';
import { patience, type VmNode } from './node.ts';

/** kubeadm makes the VM a node again, on a real systemd and with every preflight check. No Pod of ours may be left on it. */
export async function joined(checks: Checks, node: VmNode): Promise<void> {
  const { cluster } = node;
  const { nodeName } = node.vm;
  await checks.check('kubeadm join goes through preflight, health and TLS bootstrap', async () => {
    await node.run('systemctl stop kubelet-ts');
    await kubectl(cluster, 'delete', 'node', nodeName, '--ignore-not-found');
    const output = await joinVm(cluster);
    return output.includes('This node has joined the cluster') ? undefined : output.slice(-2000);
  });
  await checks.check('the joined node is Ready, in the pinned version', async () => {
    await untilCondition(cluster, ['node', nodeName], 'Ready', patience);
    const version = await kubectl(cluster, 'get', 'node', nodeName, '-o', 'jsonpath={.status.nodeInfo.kubeletVersion}');
    return version === 'v1.36.3' ? undefined : version;
  });
  await checks.check('its unit is the one that kubeadm knows, its files lie where kubeadm looks', () => layout(node));
  await checks.check('a Pod runs on it', async () => {
    await node.create('joined', 'sleep 100000', { resources: { limits: { memory: '64Mi' } } });
    await node.untilReady('joined');
    await kubectl(cluster, 'delete', 'pod', 'joined', '--wait=true', `--timeout=${patience / 1000}s`);
  });
  // Ready alone would not show it: a node reports itself before its server listens.
  await checks.check('it has not been restarted since kubeadm started it', async () => {
    const restarts = await node.unit('NRestarts');
    return restarts === '0'
      ? undefined
      : `${restarts} restarts: ${await node.run('journalctl -u kubelet -n 40 -o cat')}`;
  });
}

async function layout(node: VmNode): Promise<string | undefined> {
  const pem = '/var/lib/kubelet/pki/kubelet-client-current.pem';
  const found = await node.run(`systemctl is-active kubelet
systemctl show -P Id kubelet
readlink ${pem}
stat -Lc %a ${pem}
test -s /var/lib/kubelet/kubeadm-flags.env && test ! -e /etc/kubernetes/bootstrap-kubelet.conf && echo clean`);
  const wanted =
    /^active\nkubelet-ts\.service\n\/var\/lib\/kubelet\/pki\/kubelet-client-\d{4}(-\d\d){5}\.pem\n600\nclean\n$/;
  return wanted.test(found) ? undefined : found;
}
