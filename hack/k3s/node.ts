import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { kubeletEnvironment, kubeletProgram } from '../cluster/kubelet.ts';
import { startService, stopService } from '../cluster/service.ts';
import { sharedKubeletConfig } from '../kubeadm/join.ts';
import type { Machine } from '../kubeadm/machine.ts';
import type { K3sInvitation } from './server.ts';

const service = 'kubelet';

/** Runs `kubelet-ts join k3s` on a machine; started again after its end it goes on with what the join left there. */
export async function joinK3s(machine: Machine, { server, token }: K3sInvitation): Promise<void> {
  const { cluster, nodeName, address } = machine;
  const at = (name: string) => path.join(cluster.layout.state, 'k3s', name);
  const dropIns = at('agent/etc/kubelet.conf.d');
  mkdirSync(dropIns, { recursive: true });
  writeFileSync(at('token'), token, { mode: 0o600 });
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    ...sharedKubeletConfig(cluster.layout.name),
    // k3s gives its nodes certificates in its own way.
    rotateCertificates: false,
  };
  writeFileSync(path.join(dropIns, '50-machine.conf'), stringify(config));
  startService(cluster, {
    name: service,
    argv: [
      ...(await kubeletProgram('ts')),
      ...['join', 'k3s', '--server', server, '--token-file', at('token')],
      ...['--node-name', nodeName, '--node-ip', address],
      ...['--data-dir', at('agent'), '--node-password-file', at('password')],
      ...['--container-runtime-endpoint', `unix://${cluster.layout.containerdSocket}`, '--', '--v=2'],
    ],
    env: kubeletEnvironment(),
    place: 'node',
  });
}

/** Ends the agent of a machine that joined. */
export function stopK3sNode({ cluster }: Machine, signal: NodeJS.Signals): Promise<void> {
  return stopService(cluster, service, signal);
}
