import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bringUp } from '../cluster/bringUp.ts';
import { makeCgroup } from '../cluster/cgroups.ts';
import { net } from '../cluster/layout.ts';
import { plugInto } from '../cluster/network.ts';
import { inside } from '../cluster/service.ts';
import type { Cluster } from '../cluster/state.ts';
import { type RunOptions, type RunResult, tryRun } from '../lib/run.ts';

/** A second machine beside a control plane: namespaces and a runtime of its own, and no kubelet yet. */
export interface Machine {
  readonly cluster: Cluster;
  readonly nodeName: string;
  readonly address: string;
}

/**
 * Brings a machine up and plugs it into the network of `control`: its node address is `address` instead of the one that every
 * cluster has. `tearDown(name)` removes it.
 */
export async function makeMachine(control: Cluster, name: string, address: string): Promise<Machine> {
  const cluster = await bringUp({ name, kubelet: 'none', controlPlane: false });
  const machine = { cluster, nodeName: cluster.layout.nodeName, address };
  const prefix = net.nodePrefix;
  await mustRun(machine, 'network', [
    'set -e',
    'if ip link show uplink >/dev/null 2>&1; then exit 0; fi',
    // First away with the old one: a second address of the subnet would go with it.
    `ip address del ${net.nodeAddress}/${prefix} dev node0`,
    `ip address add ${address}/${prefix} dev node0`,
    `ip route replace ${net.serviceCidr} dev node0`,
  ]);
  await plugInto(control.layout, cluster);
  await makeEtc(machine);
  return machine;
}

/** Runs a shell script (lines) on the machine, in cgroups that `tearDown` empties. */
export function runOn(
  machine: Machine,
  place: 'node' | 'network',
  lines: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const { cluster } = machine;
  const cgroups = makeCgroup(`${cluster.layout.cgroup}/services/machine`);
  const enter = cgroups.map((directory) => `echo $$ > ${directory}/cgroup.procs`);
  const command = inside(cluster, place, ['bash', '-c', lines.join('\n')]);
  return tryRun('bash', ['-c', [...enter, 'exec "$@"'].join('\n'), 'run', ...command], options);
}

/** As `runOn`; throws with the output when the script fails. */
export async function mustRun(machine: Machine, place: 'node' | 'network', lines: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runOn(machine, place, lines);
  if (code !== 0) throw new Error(`on ${machine.nodeName}: exit code ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** An /etc of its own, laid over that of the host inside the machine's mount namespace: kubeadm writes /etc/kubernetes. */
async function makeEtc(machine: Machine): Promise<void> {
  const { layout } = machine.cluster;
  const [upper, work] = [path.join(layout.state, 'etc/upper'), path.join(layout.state, 'etc/work')];
  if (existsSync(upper)) return;
  for (const directory of [upper, work]) mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(upper, 'resolv.conf'), `nameserver ${net.nodeAddress}\n`);
  writeFileSync(path.join(upper, 'hosts'), `127.0.0.1 localhost\n${machine.address} ${machine.nodeName}\n`);
  await mustRun(machine, 'node', [`mount -t overlay overlay -o lowerdir=/etc,upperdir=${upper},workdir=${work} /etc`]);
}
