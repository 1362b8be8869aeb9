// kubelet-ts joins a k3s cluster: a supervisor of our own with Rancher's remotedialer, and an API server that reaches kubelets only through
// tunnels (hack/k3s). Run alone: node e2e/cluster/k3sJoin.e2e.ts [--cuts 100]
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bringUp } from '../../hack/cluster/bringUp.ts';
import { stopApi } from '../../hack/cluster/control.ts';
import { logTail } from '../../hack/cluster/service.ts';
import type { Cluster } from '../../hack/cluster/state.ts';
import { tearDown } from '../../hack/cluster/tearDown.ts';
import { joinK3s, stopK3sNode } from '../../hack/k3s/node.ts';
import {
  becomeK3s,
  cutTunnels,
  type K3sInvitation,
  killSupervisor,
  startApiWithEgress,
  startSupervisor,
  tunnelsOf,
} from '../../hack/k3s/server.ts';
import { type Machine, makeMachine, mustRun } from '../../hack/kubeadm/machine.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { reached } from '../lib/reached.ts';
import { unnoticed } from '../lib/unnoticed.ts';
import { Checks, runPod, type ScenarioResult, startPod, untilCondition } from './checks.ts';

const name = 'joink3s';

/** Joins a fresh machine, uses it, hurts the server and the way to it, and removes everything. */
export async function run(cuts = 8): Promise<ScenarioResult> {
  const checks = new Checks();
  try {
    const control = await bringUp({ name, kubelet: 'none', controlPlane: true });
    const machine = await makeMachine(control, `${name}-w`, '172.30.0.11');
    await onlyThroughTheTunnel(machine);
    const invitation = await becomeK3s(control);
    await joinK3s(machine, invitation);
    await look(checks, control, machine, invitation, cuts);
    if (checks.result().failed > 0) console.log(logTail(machine.cluster, 'kubelet', 40));
  } catch (error) {
    checks.fail(error);
  } finally {
    await tearDown(`${name}-w`);
    await tearDown(name);
  }
  return checks.result();
}

/** Whoever dials the kubelet from another machine gets no answer: what does reach it came through the tunnel. */
async function onlyThroughTheTunnel(machine: Machine): Promise<void> {
  await mustRun(machine, 'network', ['iptables -w -I INPUT ! -i lo -p tcp --dport 10250 -j DROP']);
}

async function look(
  checks: Checks,
  control: Cluster,
  machine: Machine,
  invitation: K3sInvitation,
  cuts: number,
): Promise<void> {
  const { nodeName } = machine;
  await checks.check('the node is Ready', () => untilCondition(control, ['node', nodeName], 'Ready', 90_000));
  await checks.check('it has a tunnel', () => untilTunnel(control, nodeName));
  await checks.check('its files are those of k3s, and private', () => layoutProblem(machine));
  await checks.check('a Pod comes and goes', () => runPod(control, nodeName, 'first'));
  await startPod(control, nodeName, 'stays');
  await checks.check('logs, exec and port-forward go through the tunnel', () => reached(control, 'stays'));
  const still = (what: () => Promise<unknown>) => unnoticed(control, ['stays'], what);
  await checks.check('the supervisor is killed and replaced', () =>
    still(async () => {
      await killSupervisor(control);
      await startSupervisor(control);
      await untilTunnel(control, nodeName);
      await reached(control, 'stays');
    }),
  );
  await checks.check('the API server is killed and replaced', () =>
    still(async () => {
      await stopApi(control);
      await startApiWithEgress(control);
      await runPod(control, nodeName, 'after-api');
      await reached(control, 'stays');
    }),
  );
  await checks.check(`the tunnel is cut ${cuts} times`, () => still(() => cutAgainAndAgain(control, nodeName, cuts)));
  await checks.check('the agent is killed and started with the same line', () =>
    still(async () => {
      await stopK3sNode(machine, 'SIGKILL');
      const { opened } = (await tunnelsOf(control))!;
      await joinK3s(machine, invitation);
      await untilTunnel(control, nodeName, opened);
      await runPod(control, nodeName, 'after-kill');
    }),
  );
  await checks.check('and without a server', () =>
    still(async () => {
      await stopK3sNode(machine, 'SIGTERM');
      await killSupervisor(control);
      await joinK3s(machine, invitation);
      await runPod(control, nodeName, 'without-supervisor');
      await startSupervisor(control);
      await untilTunnel(control, nodeName);
      await reached(control, 'stays');
    }),
  );
  await checks.check('the node is Ready at the end', () => untilCondition(control, ['node', nodeName], 'Ready'));
}

/** Waits until the node has a tunnel, and more than `opened` were asked for. */
function untilTunnel(control: Cluster, node: string, opened = 0): Promise<unknown> {
  return waitFor(`a tunnel of ${node}`, { timeout: 90_000 }, async () => {
    const tunnels = await tunnelsOf(control);
    return tunnels && tunnels.opened > opened && tunnels.nodes.includes(node);
  });
}

/** Cut that soon, the tunnel comes back up to half a minute later each time. */
async function cutAgainAndAgain(control: Cluster, node: string, cuts: number): Promise<void> {
  for (let i = 0; i < cuts; i++) {
    const { opened } = (await tunnelsOf(control))!;
    cutTunnels(control);
    await untilTunnel(control, node, opened);
    if (i % 4 === 0) await reached(control, 'stays');
  }
}

function layoutProblem({ cluster }: Machine): string | undefined {
  const directory = path.join(cluster.layout.state, 'k3s/agent');
  const names = ['client-ca.crt', 'server-ca.crt', 'serving-kubelet.crt', 'serving-kubelet.key', 'client-kubelet.crt'];
  const missing = [...names, 'client-kubelet.key', 'kubelet.kubeconfig'].filter(
    (file) => !existsSync(path.join(directory, file)),
  );
  if (missing.length > 0) return `not there: ${missing.join(', ')}`;
  const server = /server: (.+)/.exec(readFileSync(path.join(directory, 'kubelet.kubeconfig'), 'utf8'))?.[1];
  return server?.includes('127.0.0.1:6444') ? undefined : `the kubeconfig leads to ${server}`;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { cuts: { type: 'string' } } });
  const result = await run(values.cuts === undefined ? undefined : Number(values.cuts));
  console.log(JSON.stringify(result, null, 2));
  console.log(`${result.passed} passed, ${result.failed} failed`);
  process.exitCode = result.failed === 0 ? 0 : 1;
}
