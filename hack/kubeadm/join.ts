// Joins kubelet-ts to a cluster with kubeadm: node hack/kubeadm/join.ts [--name NAME]. NAME is the control plane (brought up unless
// it is there), NAME-w the machine that joins. `npm run down -- --name NAME-w` and `--name NAME` remove both.
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { bringUp } from '../cluster/bringUp.ts';
import type { Cluster } from '../cluster/state.ts';
import { main, say, step } from '../lib/log.ts';
import { ensureTools } from '../tools/ensure.ts';
import { inviteNodes, type JoinInvitation } from './clusterConfig.ts';
import { type Machine, makeMachine, runOn } from './machine.ts';
import { installKubelet, programsDir } from './systemd.ts';

/** The address of the machine that joins; every control plane has 172.30.0.10. */
const joinAddress = '172.30.0.11';

/** What of the machine is unlike a real one, and therefore in kubelet-config: its cgroups, disks and resolver. */
export function sharedKubeletConfig(machineName: string): object {
  return {
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/kubelet-ts-${machineName}`,
    failCgroupV1: false,
    failSwapOn: false,
    resolvConf: '/etc/resolv.conf',
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '2%', 'imagefs.available': '2%' },
    imageGCHighThresholdPercent: 97,
    imageGCLowThresholdPercent: 95,
    rotateCertificates: true,
  };
}

/** Runs `kubeadm join` on the machine; returns its output. Throws with it when the join fails. */
export async function kubeadmJoin(machine: Machine, { endpoint, token, caHash }: JoinInvitation): Promise<string> {
  const { cluster, nodeName, address } = machine;
  const kubeadm = (await ensureTools(['kubeadm'])).bin('kubeadm');
  const file = path.join(cluster.layout.state, 'kubeadm/join.yaml');
  const config = {
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'JoinConfiguration',
    discovery: { bootstrapToken: { apiServerEndpoint: endpoint, token, caCertHashes: [caHash] } },
    nodeRegistration: {
      name: nodeName,
      criSocket: `unix://${cluster.layout.containerdSocket}`,
      kubeletExtraArgs: [{ name: 'node-ip', value: address }],
      // kubeadm 1.35 and later demand this on cgroup v1, whatever the configuration says.
      ...(isCgroupV2() ? {} : { ignorePreflightErrors: ['SystemVerification'] }),
    },
  };
  writeFileSync(file, stringify(config), { mode: 0o600 });
  const script = [`export PATH=${programsDir(machine)}:$PATH`, `exec ${kubeadm} join --config ${file} --v=1 2>&1`];
  const log = path.join(cluster.layout.logs, 'kubeadm.log');
  const lines: string[] = [];
  const onLine = (line: string) => {
    lines.push(line.replaceAll(token, '<token>'));
    appendFileSync(log, `${lines.at(-1)}\n`);
  };
  const { code } = await runOn(machine, 'node', script, { onLine });
  const output = lines.join('\n');
  if (code !== 0) throw new Error(`kubeadm join ended with ${code}:\n${output}`);
  return output;
}

function isCgroupV2(): boolean {
  return existsSync('/sys/fs/cgroup/cgroup.controllers');
}

/** The control plane, the machine beside it, and the join itself. */
export async function joinMachine(name: string): Promise<{ control: Cluster; machine: Machine; output: string }> {
  const control = await bringUp({ name, kubelet: 'none', controlPlane: true });
  const machineName = `${name}-w`;
  const machine = await makeMachine(control, machineName, joinAddress);
  await installKubelet(machine);
  const invitation = await step('kubeadm-config, kubelet-config, cluster-info, bootstrap token', () =>
    inviteNodes(control, sharedKubeletConfig(machineName)),
  );
  const output = await step(`kubeadm join of ${machine.nodeName}`, () => kubeadmJoin(machine, invitation));
  return { control, machine, output };
}

if (import.meta.main) {
  await main(async () => {
    const { values } = parseArgs({ options: { name: { type: 'string', default: 'join' } } });
    const { output } = await joinMachine(values.name);
    process.stdout.write(output);
    say(`KUBELET_TS_CLUSTER=${values.name} hack/kubectl get nodes`);
  });
}
