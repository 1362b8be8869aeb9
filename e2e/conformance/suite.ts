import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeCgroup } from '../../hack/cluster/cgroups.ts';
import { net } from '../../hack/cluster/layout.ts';
import { apiToken } from '../../hack/cluster/pki.ts';
import { inCgroups, inside } from '../../hack/cluster/service.ts';
import { type Cluster, furtherNodesOf } from '../../hack/cluster/state.ts';
import type { Tools } from '../../hack/tools/ensure.ts';
import { suiteEnvironment, suiteNodeFlags } from './nodeSuite.ts';
import { quoted } from './quoted.ts';
import type { Batch } from './schedule.ts';

function focus({ group, specs }: Batch): string[] {
  if (group !== undefined) return [`--ginkgo.focus=${quoted(group)} should `];
  // The text matched begins with the suite's own name: only its end can be anchored.
  return specs.map(({ name }) => `--ginkgo.focus=${quoted(name)}$`);
}

function ginkgoFlags(batch: Batch, seconds: number): string[] {
  return [
    '--ginkgo.v',
    '--ginkgo.no-color',
    // Fixed, so that a run can be repeated; the order within a batch does not matter.
    '--ginkgo.seed=1',
    `--ginkgo.timeout=${Math.ceil(seconds)}s`,
    ...focus(batch),
  ];
}

function e2eFlags(cluster: Cluster, tools: Tools): string[] {
  return [
    '--provider=skeleton',
    `--kubeconfig=${cluster.layout.insideKubeconfig}`,
    `--kubectl-path=${tools.bin('kubectl')}`,
    `--num-nodes=${1 + furtherNodesOf(cluster.layout.name).length}`,
    '--minStartupPods=0',
    '--node-schedulable-timeout=2m',
    '--system-pods-startup-timeout=1m',
    '--dump-logs-on-failure=false',
    '--disable-log-dump',
    `--container-runtime-endpoint=unix://${cluster.layout.containerdSocket}`,
  ];
}

/** Everything external: the suite starts neither API server nor kubelet, and asks the cluster's as its administrator. */
function nodeFlags(cluster: Cluster): string[] {
  return [
    '--start-services=false',
    '--stop-services=false',
    '--prepull-images=false',
    `--host=https://${net.nodeAddress}:${net.apiPort}`,
    `--bearer-token=${apiToken(cluster.layout)}`,
    `--node-name=${cluster.layout.nodeName}`,
    `--container-runtime-endpoint=unix://${cluster.layout.containerdSocket}`,
    '--dns-domain=cluster.local',
  ];
}

/** The command line that runs a batch on the cluster's node, with at most `seconds` for all of it. */
export function suiteCommand(cluster: Cluster, tools: Tools, batch: Batch, seconds: number, work: string): string[] {
  const program = tools.bin(batch.suite === 'e2e' ? 'e2e.test' : 'e2e_node.test');
  // The node suite leaves files in its working directory.
  writeFileSync(path.join(work, 'specs.txt'), batch.specs.map(({ name }) => `${name}\n`).join(''));
  const argv = [program, ...ginkgoFlags(batch, seconds)];
  const inNode = (...words: string[]): string[] => inside(cluster, 'node', words, work);
  if (batch.suite === 'e2e') return inNode(...argv, ...e2eFlags(cluster, tools));
  if (cluster.state.controlPlane) return inNode(...argv, ...nodeFlags(cluster));
  const env = Object.entries(suiteEnvironment(cluster)).map(([name, value]) => `${name}=${value}`);
  const own = inNode('env', ...env, ...argv, ...suiteNodeFlags(cluster, batch.specs, work));
  return inCgroups(makeCgroup(`${cluster.layout.cgroup}/services/suite`), own);
}
