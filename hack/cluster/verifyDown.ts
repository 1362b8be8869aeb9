// node hack/cluster/verifyDown.ts [--kubelet go|ts] [SCENARIO…]: brings a cluster up with Pods, hurts it, takes it down, and
// fails when anything of it is left on the machine.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runWorkload } from '../demo/workload.ts';
import { main, say } from '../lib/log.ts';
import { bringUp } from './bringUp.ts';
import { cgroupDirectories } from './cgroups.ts';
import { freeze } from './control.ts';
import { kubeletKind } from './options.ts';
import { leftBehind, snapshot } from './residue.ts';
import { signalService } from './service.ts';
import { type Cluster, furtherNodesOf } from './state.ts';
import { tearDown } from './tearDown.ts';

const name = 'verify-down';

function killServices(cluster: Cluster): void {
  for (const service of Object.keys(cluster.state.services)) signalService(cluster, service, 'SIGKILL');
}

/** The scenario that has a second node. */
const twoNodes = 'two nodes, all services of both killed';

const scenarios: Record<string, (cluster: Cluster) => void> = {
  clean: () => {},
  [twoNodes]: (cluster) => {
    const further = furtherNodesOf(name);
    if (further.length !== 1) throw new Error(`${further.length} further nodes`);
    for (const node of [cluster, ...further]) killServices(node);
  },
  'all services killed': killServices,
  'runtime and kubelet frozen': (cluster) => {
    for (const service of ['containerd', 'kubelet', 'kube-apiserver']) freeze(cluster, service);
  },
  'Pods in a frozen cgroup, services killed': (cluster) => {
    const pods = cgroupDirectories(`${cluster.layout.cgroup}/kubepods`).find((directory) =>
      /freezer\/.*\/kubepods$/.test(directory),
    );
    if (pods) writeFileSync(path.join(pods, 'freezer.state'), 'FROZEN');
    killServices(cluster);
  },
  'state file lost': (cluster) => {
    writeFileSync(path.join(cluster.layout.state, 'cluster.json'), JSON.stringify({ ...cluster.state, services: {} }));
  },
};

await main(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { kubelet: { type: 'string', default: 'ts' } },
  });
  const asked = positionals.length > 0 ? positionals : Object.keys(scenarios);
  await tearDown(name);
  for (const title of asked) {
    const hurt = scenarios[title];
    if (!hurt) throw new Error(`no scenario is called "${title}"; there are ${Object.keys(scenarios).join(' | ')}`);
    say(`scenario: ${title}`);
    const before = await snapshot();
    const nodes = title === twoNodes ? 2 : 1;
    const cluster = await bringUp({ name, kubelet: kubeletKind(values.kubelet), controlPlane: true, nodes });
    await runWorkload(cluster);
    hurt(cluster);
    await tearDown(name);
    const left = await leftBehind(before);
    if (left.length > 0) throw new Error(`scenario "${title}" left behind:\n${left.join('\n')}`);
    say(`scenario: ${title}: nothing is left behind`);
  }
});
