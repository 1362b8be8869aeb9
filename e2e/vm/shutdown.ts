// The VM shuts down with Pods of four priorities: they end in order, and the API server knows it before the power goes.
import { run } from '../../hack/lib/run.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { ensureTools } from '../../hack/tools/ensure.ts';
import { untilBooted } from '../../hack/vm/guest.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { kubectl, untilCondition } from '../cluster/checks.ts';
import { main, patience, type VmNode } from './node.ts';

const MESSAGE = 'Pod was terminated in response to imminent node shutdown.';
const absent = '/etc/kubelet-ts-absent';

/** From the least important up; the last class is Kubernetes' own. */
const classes = [
  { name: 'least', value: 0 },
  { name: 'more', value: 1000 },
  { name: 'much-more', value: 100_000 },
  { name: 'system-node-critical', value: 2_000_001_000 },
] as const;
const podsOf = (index: number): string[] => Array.from({ length: 5 }, (_, n) => `ends-${index}-${n}`);

/** Ends a second after it was told to, so that groups which overlap are seen. */
const script = "trap 'sleep 1; exit 0' TERM; while :; do sleep 3600 & wait $!; done";

/** Gives Pods time at a shutdown, makes 20 of them, reboots; says what was not as it should be. */
export async function gracefulShutdown(node: VmNode): Promise<string | undefined> {
  await configure(node);
  await makeClasses(node);
  for (const [index, { name }] of classes.entries())
    for (const pod of podsOf(index))
      await node.create(pod, script, {}, { priorityClassName: name, terminationGracePeriodSeconds: 20 });
  for (const index of classes.keys()) for (const pod of podsOf(index)) await node.untilReady(pod);
  const boot = (await node.run('cat /proc/sys/kernel/random/boot_id')).trim();
  // The answer may be lost in the reboot. A kubelet of before must not say it: the statuses are looked at while there is none.
  await node.try(`touch ${absent}; systemctl --no-block reboot`, 10_000).catch(() => undefined);
  await untilBooted(node.vm, boot);
  const problem = await endings(node);
  await node.run(`rm ${absent}; systemctl start kubelet-ts`, patience);
  await untilCondition(node.cluster, ['node', node.vm.nodeName], 'Ready', patience);
  const all = classes.flatMap((_, index) => podsOf(index));
  await kubectl(node.cluster, 'delete', 'pod', ...all, '--wait=true', `--timeout=${patience / 1000}s`);
  return problem;
}

/** The node's own files are on a disk that is read only: the unit gets a directory of settings beside them. */
async function configure(node: VmNode): Promise<void> {
  const rows = classes.map(({ value }) => `  - {priority: ${value}, shutdownGracePeriodSeconds: 30}`);
  const head = ['apiVersion: kubelet.config.k8s.io/v1beta1', 'kind: KubeletConfiguration'];
  const settings = [...head, 'shutdownGracePeriodByPodPriority:', ...rows].join('\n');
  const unit = `[Unit]\nConditionPathExists=!${absent}\n[Service]\nEnvironmentFile=/etc/kubelet-ts.env`;
  await node.run(`set -e
mkdir -p /etc/kubelet-ts.d
cat >/etc/kubelet-ts.d/shutdown.conf <<'END'
${settings}
END
sed 's#$# --config-dir=/etc/kubelet-ts.d#' /opt/kubelet-ts/etc/kubelet-ts.env >/etc/kubelet-ts.env
printf '${unit.replaceAll('\n', '\\n')}\\n' >/etc/systemd/system/kubelet-ts.service.d/shutdown.conf
systemctl daemon-reload
systemctl restart kubelet-ts`);
  // logind waits 5 s by itself: kubelet-ts has it wait two minutes.
  await waitFor("kubelet-ts' shutdown lock", { timeout: patience, interval: 3000 }, async () =>
    /kubelet.*shutdown.*delay/.test((await node.try('systemd-inhibit --list --no-legend')).stdout),
  );
  await node.run('grep -q "^InhibitDelayMaxSec=120$" /etc/systemd/logind.conf.d/99-kubelet.conf');
}

async function makeClasses({ cluster }: VmNode): Promise<void> {
  const program = (await ensureTools(['kubernetes'])).bin('kubectl');
  const own = classes.filter(({ name }) => !name.startsWith('system-'));
  const items = own.map(({ name, value }) => ({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name },
    value,
  }));
  const args = [`--kubeconfig=${cluster.layout.adminKubeconfig}`, 'apply', '-f', '-'];
  await run(program, args, { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
}

async function endings(node: VmNode): Promise<string | undefined> {
  const problems: string[] = [];
  let before = 0;
  for (const index of classes.keys()) {
    const pods = await Promise.all(podsOf(index).map((name) => node.pod(name)));
    for (const pod of pods) {
      const { phase, reason, message } = pod?.status ?? {};
      if (phase !== 'Failed' || reason !== 'Terminated' || message !== MESSAGE)
        problems.push(`${pod?.metadata?.name}: ${phase} ${reason} ${message}`);
    }
    const times = pods.map(finishedAt);
    if (Math.min(...times) < before) problems.push(`Pods of class ${classes[index]?.name} ended before those below`);
    before = Math.max(...times);
  }
  return problems.length > 0 ? problems.join('; ') : undefined;
}

const finishedAt = (pod: Pod | undefined): number => Date.parse(main(pod)?.state?.terminated?.finishedAt ?? '');
