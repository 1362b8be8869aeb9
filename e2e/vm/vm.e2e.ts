// kubelet-ts on a mainstream node: systemd as PID 1, cgroup v2, its shipped unit. Run alone: npm run vm -- test
import { bringUp } from '../../hack/cluster/bringUp.ts';
import { tearDown } from '../../hack/cluster/tearDown.ts';
import { main as runMain } from '../../hack/lib/log.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { untilBooted } from '../../hack/vm/guest.ts';
import { startVm, stopVm } from '../../hack/vm/machine.ts';
import { rootTestCommand } from '../../hack/vm/rootTests.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { Checks, kubectl, type ScenarioResult, untilCondition } from '../cluster/checks.ts';
import { unnoticed } from '../lib/unnoticed.ts';
import { joined } from './join.ts';
import { limitProblem, nodeLimitProblem, qosCases, sliceOf } from './limits.ts';
import { main, patience, VmNode } from './node.ts';
import { gracefulShutdown } from './shutdown.ts';

const name = 'vme2e';
const rest = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done";
const names = qosCases.map((each) => each.name);

/** Makes a cluster whose only node is a VM, looks at it from both sides, and removes everything. */
export async function run(): Promise<ScenarioResult> {
  const checks = new Checks();
  try {
    const cluster = await bringUp({ name, kubelet: 'none', controlPlane: true });
    await startVm(cluster);
    await look(checks, new VmNode(cluster));
    await stopVm(cluster);
  } catch (error) {
    checks.fail(error);
  } finally {
    await tearDown(name);
  }
  return checks.result();
}

/** Every check, in an order that lets the later ones use what the earlier made. */
export async function look(checks: Checks, node: VmNode): Promise<void> {
  await checks.check('the unit is active, by sd_notify', () =>
    waitFor('kubelet-ts to be active', { timeout: patience, interval: 3000 }, async () => {
      const [type, state] = [await node.unit('Type'), await node.unit('ActiveState')];
      return type === 'notify' && state === 'active';
    }).then(() => undefined),
  );
  await checks.check('the node is Ready', () => {
    return untilCondition(node.cluster, ['node', node.vm.nodeName], 'Ready', patience);
  });
  await checks.check('the API server reaches it', () => served(node));
  await checks.check('cgroup v2, and the systemd driver that the runtime named', () => driverProblem(node));
  await qos(checks, node);
  await checks.check('OOMKilled is reported', () => outOfMemory(node));
  await checks.check('kill -9: systemd starts it again, containers are untouched', () => killed(node));
  await checks.check('the watchdog bites a kubelet that stands still', () => watchdog(node));
  await checks.check('a reboot: the same Pods come back, each restarted once', () => reboot(node));
  await checks.check('limits are in force after the reboot', () => allLimits(node));
  await checks.check('deleted Pods leave no slice', () => deleted(node));
  await checks.check('a shutdown: Pods end by priority, and the API server knows it before the power goes', () =>
    gracefulShutdown(node),
  );
  await checks.check('the root tests of cgroups pass here', async () => {
    const { code, stdout } = await node.try(rootTestCommand('cgroups.root'), 300_000);
    return code === 0 ? undefined : stdout.slice(-3000);
  });
  await joined(checks, node);
}

/** The configuration file says nothing of a driver: without the runtime's word it would be cgroupfs. */
async function driverProblem(node: VmNode): Promise<string | undefined> {
  const type = (await node.run('stat -fc %T /sys/fs/cgroup')).trim();
  if (type !== 'cgroup2fs') return `/sys/fs/cgroup is ${type}`;
  const log = await node.run('journalctl -b -u kubelet-ts --no-pager -o cat | grep "cgroup driver" || true');
  if (!/the one that the runtime names.*driver="systemd"/.test(log)) return `the journal has no such driver: ${log}`;
  const slices = 'kubepods.slice kubepods-burstable.slice kubepods-besteffort.slice';
  const { stdout } = await node.try(`systemctl is-active ${slices}`);
  return stdout.trim() === 'active\nactive\nactive' ? undefined : `${slices}: ${stdout}`;
}

/** logs, exec and statistics come this way. */
async function served(node: VmNode): Promise<void> {
  await waitFor('an answer of the kubelet through the API server', { timeout: patience, interval: 3000 }, () =>
    kubectl(node.cluster, 'get', '--raw', `/api/v1/nodes/${node.vm.nodeName}/proxy/configz`).catch(() => undefined),
  );
}

async function qos(checks: Checks, node: VmNode): Promise<void> {
  await checks.check('Pods of all QoS classes become Ready', async () => {
    for (const { name, resources } of qosCases) await node.create(name, rest, { resources });
    for (const { name } of qosCases) await node.untilReady(name);
  });
  await checks.check('their limits are in the cgroup files', () => allLimits(node));
  await checks.check('and still are after a daemon-reload', async () => {
    await node.run('systemctl daemon-reload');
    return allLimits(node);
  });
}

async function allLimits(node: VmNode): Promise<string | undefined> {
  const problems: string[] = [];
  const above = await nodeLimitProblem(node);
  if (above) problems.push(above);
  for (const each of qosCases) {
    const problem = await limitProblem(node, each, (await node.pod(each.name))!);
    if (problem) problems.push(`${each.name}: ${problem}`);
  }
  return problems.length > 0 ? problems.join('\n') : undefined;
}

async function outOfMemory(node: VmNode): Promise<string | undefined> {
  const grow = 'x=0123456789abcdef; while :; do x=$x$x; done';
  await node.create('hungry', grow, { resources: { limits: { memory: '32Mi' } } }, { restartPolicy: 'Never' });
  const pod = await node.untilPod('hungry', 'to have ended', ({ status }) => status?.phase === 'Failed');
  const ended = main(pod)?.state?.terminated;
  await kubectl(node.cluster, 'delete', 'pod', 'hungry');
  return ended?.reason === 'OOMKilled' && ended.exitCode === 137 ? undefined : JSON.stringify(ended);
}

/** Container ids and restart counts by Pod. */
async function containers(node: VmNode): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const each of names) {
    const status = main(await node.pod(each));
    found[each] = `${status?.containerID} ${status?.restartCount} ${JSON.stringify(status?.state)}`;
  }
  return found;
}

/** Does something to the agent; expects another process afterwards, and the same containers. */
async function survives(node: VmNode, hurt: (pid: string) => Promise<unknown>): Promise<string | undefined> {
  const before = await containers(node);
  const tasks = await node.run('ctr -n k8s.io tasks ls -q | sort');
  const pid = await node.unit('MainPID');
  const restarts = Number(await node.unit('NRestarts'));
  await hurt(pid);
  await waitFor('another main process', { timeout: patience, interval: 3000 }, async () => {
    const [next, state] = [await node.unit('MainPID'), await node.unit('ActiveState')];
    return next !== pid && next !== '0' && state === 'active';
  });
  await untilCondition(node.cluster, ['node', node.vm.nodeName], 'Ready', patience);
  // The Node may still say Ready from before: the Pods are compared when the new agent has looked at them.
  for (const each of names)
    await waitFor(`the new agent to have looked at ${each}`, { timeout: patience, interval: 3000 }, async () =>
      /nothing holds it back/.test((await node.try(`kubelet-ts why ${each}`)).stdout),
    );
  const counted = Number(await node.unit('NRestarts')) - restarts;
  if (counted < 1) return 'systemd did not restart it';
  if ((await node.run('ctr -n k8s.io tasks ls -q | sort')) !== tasks) return 'other containers run than before';
  const after = await containers(node);
  if (JSON.stringify(after) !== JSON.stringify(before))
    return `${JSON.stringify(after)} instead of ${JSON.stringify(before)}`;
  return undefined;
}

const killed = (node: VmNode): Promise<string | undefined> =>
  unnoticed(node.cluster, names, () => survives(node, (pid) => node.run(`kill -9 ${pid}`)));

async function watchdog(node: VmNode): Promise<string | undefined> {
  const problem = await unnoticed(node.cluster, names, () => survives(node, (pid) => node.run(`kill -STOP ${pid}`)));
  const log = await node.run('journalctl -b -u kubelet-ts --no-pager -o cat | grep -i watchdog || true');
  return problem ?? (/watchdog timeout/i.test(log) ? undefined : `the journal knows of no watchdog: ${log}`);
}

async function reboot(node: VmNode): Promise<string | undefined> {
  const before = new Map<string, Pod>();
  for (const each of names) before.set(each, (await node.pod(each))!);
  const boot = (await node.run('cat /proc/sys/kernel/random/boot_id')).trim();
  // The answer may be lost in the reboot.
  await node.try('systemctl --no-block reboot', 10_000).catch(() => undefined);
  await untilBooted(node.vm, boot);
  const problems: string[] = [];
  for (const [each, old] of before) {
    const count = (main(old)?.restartCount ?? 0) + 1;
    const pod = await node.untilPod(each, `to run with restartCount ${count}`, (now) => {
      const status = main(now);
      return (status?.restartCount ?? 0) >= count && status?.state?.running && status.ready;
    });
    if (pod.metadata?.uid !== old.metadata?.uid) problems.push(`${each} has another UID`);
    if (main(pod)?.restartCount !== count)
      problems.push(`${each}: restartCount ${main(pod)?.restartCount}, not ${count}`);
  }
  // One sandbox and one container for each Pod: nothing runs twice.
  const tasks = (await node.run('ctr -n k8s.io tasks ls | grep -c RUNNING || true')).trim();
  if (tasks !== String(2 * names.length)) problems.push(`${tasks} tasks run for ${names.length} Pods`);
  return problems.length > 0 ? problems.join('; ') : undefined;
}

async function deleted(node: VmNode): Promise<string | undefined> {
  const slices = await Promise.all(qosCases.map(async (each) => sliceOf(each, (await node.pod(each.name))!)));
  await kubectl(node.cluster, 'delete', 'pod', ...names, '--wait=true', `--timeout=${patience / 1000}s`);
  const left = await node.run(
    `find /sys/fs/cgroup/kubepods.slice -name '*pod*-pod*.slice'; systemctl list-units --all --plain --no-legend ${slices.join(' ')}`,
  );
  return left.trim() || undefined;
}

if (import.meta.main) {
  await runMain(async () => {
    const { passed, failed } = await run();
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed > 0 ? 1 : 0;
  });
}
