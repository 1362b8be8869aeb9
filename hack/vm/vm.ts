// npm run vm -- up|down|ssh|exec SCRIPT|test: a virtual machine with systemd and cgroup v2 as one more node of a local cluster.
import { parseArgs } from 'node:util';
import { bringUp } from '../cluster/bringUp.ts';
import { findCluster, openCluster } from '../cluster/state.ts';
import { main, say, step } from '../lib/log.ts';
import { run, tryRun } from '../lib/run.ts';
import { inGuest } from './guest.ts';
import { vmLayout } from './layout.ts';
import { isVmRunning, startVm, stopVm } from './machine.ts';

const usage = `npm run vm -- COMMAND [--name NAME]: a VM (Debian, systemd, cgroup v2, containerd) as a node of the cluster NAME.
QEMU emulates the processor, so it is slow and needs no KVM. The first start builds its image (about 4 minutes).

  up           starts it with the kubelet-ts of this checkout, and the cluster's control plane if it is not up
  down         ends it and removes it and its Node object; the cluster stays: npm run down -- --name NAME
  ssh          a root shell on its serial console; ctrl-] leaves
  exec SCRIPT  runs a bash script in it
  test         the tests that need such a node, in a cluster of their own that is removed at the end
  --keep-disk  (down) the next up finds its disk as it was`;

async function up(name: string): Promise<void> {
  const cluster = findCluster(name) ?? (await bringUp({ name, kubelet: 'none', controlPlane: true }));
  const vm = await startVm(cluster);
  say(`${vm.nodeName} has booted: KUBELET_TS_CLUSTER=${name} hack/kubectl get nodes`);
}

async function down(name: string, keepDisk: boolean): Promise<void> {
  const cluster = openCluster(name);
  const { nodeName } = vmLayout(cluster.layout);
  await step('ending the VM', () => stopVm(cluster, { keepDisk }));
  const { stderr, code } = await tryRun('hack/kubectl', ['delete', 'node', nodeName, '--ignore-not-found'], {
    env: { KUBELET_TS_CLUSTER: name },
  });
  if (code !== 0) say(`its Node object is still there: ${stderr.trim()}`);
}

async function exec(name: string, script: string): Promise<void> {
  const { code, stdout, stderr } = await inGuest(vmLayout(openCluster(name).layout), script, 600_000);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = code;
}

async function ssh(name: string): Promise<void> {
  const cluster = openCluster(name);
  if (!isVmRunning(cluster)) throw new Error(`${name} has no VM: npm run vm -- up --name ${name}`);
  const { console } = vmLayout(cluster.layout);
  await run('socat', ['-,rawer,escape=0x1d', `UNIX-CONNECT:${console}`], { inherit: true });
}

await main(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      name: { type: 'string', default: process.env.KUBELET_TS_CLUSTER ?? 'vm' },
      'keep-disk': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [command, ...rest] = positionals;
  if (values.help || !command) return console.log(usage);
  if (command === 'up') return up(values.name);
  if (command === 'down') return down(values.name, values['keep-disk']);
  if (command === 'ssh') return ssh(values.name);
  if (command === 'exec') return exec(values.name, rest.join(' '));
  if (command === 'test') {
    const { run: runVmTests } = await import('../../e2e/vm/vm.e2e.ts');
    const { passed, failed } = await runVmTests();
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed > 0 ? 1 : 0;
    return;
  }
  throw new Error(`${command}: choose up, down, ssh, exec or test`);
});
