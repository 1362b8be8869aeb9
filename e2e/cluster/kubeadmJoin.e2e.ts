// kubeadm join of the pinned Kubernetes makes kubelet-ts a node. Run alone: node e2e/cluster/kubeadmJoin.e2e.ts
import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { tearDown } from '../../hack/cluster/tearDown.ts';
import { joinMachine } from '../../hack/kubeadm/join.ts';
import { type Machine, mustRun } from '../../hack/kubeadm/machine.ts';
import { programsDir } from '../../hack/kubeadm/systemd.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { unnoticed } from '../lib/unnoticed.ts';
import { Checks, kubectl, objectOf, runPod, type ScenarioResult, startPod, untilCondition } from './checks.ts';

const name = 'joink';

interface SigningRequests {
  items: { spec: { signerName: string; username: string }; status?: { certificate?: string } }[];
}

/** Joins a fresh machine to a fresh control plane, looks at both, and removes them. */
export async function run(): Promise<ScenarioResult> {
  const checks = new Checks();
  try {
    const { control, machine, output } = await joinMachine(name);
    const { nodeName } = machine;
    await checks.check('kubeadm join goes through preflight, health and TLS bootstrap', () =>
      output.includes('This node has joined the cluster') ? undefined : output.slice(-2000),
    );
    await checks.check('the node becomes Ready', () => untilCondition(control, ['node', nodeName], 'Ready'));
    await checks.check('its version is the pinned one', async () => {
      const version = await kubectl(
        control,
        'get',
        'node',
        nodeName,
        '-o',
        'jsonpath={.status.nodeInfo.kubeletVersion}',
      );
      return version === 'v1.36.3' ? undefined : version;
    });
    await checks.check('its client certificate was signed for the bootstrap token, once', async () => {
      const { items } = (await objectOf<SigningRequests>(control, 'get', 'csr')) ?? { items: [] };
      const good = items.filter(
        ({ spec, status }) =>
          spec.signerName === 'kubernetes.io/kube-apiserver-client-kubelet' &&
          spec.username.startsWith('system:bootstrap:') &&
          status?.certificate,
      );
      return items.length === 1 && good.length === 1 ? undefined : JSON.stringify(items.map((item) => item.spec));
    });
    await checks.check("files lie as in kubelet's layout", () => layoutProblem(machine));
    await checks.check('a Pod runs on it', () => runPod(control, nodeName, 'joined'));
    await checks.check(
      'a restart needs no new certificate, though kubeadm took the bootstrap credentials away',
      async () => {
        await startPod(control, nodeName, 'stays');
        await unnoticed(control, ['stays'], async () => {
          await mustRun(machine, 'node', [`PATH=${programsDir(machine)}:$PATH systemctl restart kubelet`]);
          await runPod(control, nodeName, 'restarted');
        });
        const requests = await objectOf<SigningRequests>(control, 'get', 'csr');
        return requests?.items.length === 1 ? undefined : `${requests?.items.length} certificate signing requests`;
      },
    );
    await checks.check('a second kubelet on the machine is refused with a sentence', () => secondKubelet(machine));
    await checks.check('iptables hint chains are there', () =>
      waitFor('the chains', { timeout: 30_000 }, async () => {
        const rules = await mustRun(machine, 'network', ['iptables -t mangle -S; iptables -S']).catch(() => '');
        return ['KUBE-IPTABLES-HINT', '-A INPUT -j KUBE-FIREWALL'].every((text) => rules.includes(text));
      }).then(() => undefined),
    );
  } catch (error) {
    checks.fail(error);
  } finally {
    await tearDown(`${name}-w`);
    await tearDown(name);
  }
  return checks.result();
}

function layoutProblem({ cluster }: Machine): string | undefined {
  const pki = path.join(cluster.layout.kubeletRoot, 'pki');
  const link = readlinkSync(path.join(pki, 'kubelet-client-current.pem'));
  if (!/^\/var\/lib\/kubelet\/pki\/kubelet-client-\d{4}(-\d\d){5}\.pem$/.test(link)) return `the link leads to ${link}`;
  const file = path.join(pki, path.basename(link));
  const mode = lstatSync(file).mode & 0o777;
  if (mode !== 0o600) return `${file} has mode ${mode.toString(8)}`;
  const pair = readFileSync(file, 'utf8');
  if (!/BEGIN CERTIFICATE[\s\S]+BEGIN EC PRIVATE KEY/.test(pair)) return 'the pair is not certificate, then key';
  const kubeconfig = readFileSync(path.join(cluster.layout.state, 'etc/upper/kubernetes/kubelet.conf'), 'utf8');
  const wanted = [
    'default-cluster',
    'default-auth',
    'default-context',
    '/var/lib/kubelet/pki/kubelet-client-current.pem',
  ];
  const missing = wanted.filter((text) => !kubeconfig.includes(text));
  return missing.length === 0 ? undefined : `kubelet.conf lacks ${missing.join(', ')}`;
}

/** The same root directory and the same runtime under other ports: only the locks can refuse it. */
async function secondKubelet(machine: Machine): Promise<string | undefined> {
  const kubelet = path.join(programsDir(machine), 'kubelet');
  // Without an API server webhooks are refused, before anything else is looked at.
  const alone = '--authentication-token-webhook=false --authorization-mode=AlwaysAllow';
  const flags = `--config=/var/lib/kubelet/config.yaml --healthz-port=0 --port=10350 ${alone}`;
  const answers = await mustRun(machine, 'node', [
    `timeout 60 ${kubelet} ${flags} 2>&1 | grep -v accepted; true`,
    `timeout 60 ${kubelet} ${flags} --root-dir=$(mktemp -d) 2>&1 | grep -v accepted; true`,
  ]);
  const expected = [
    /the root directory \/var\/lib\/kubelet is in use by another kubelet \(process \d+,/,
    /the container runtime \S+ is in use by another kubelet \(process \d+,/,
  ];
  return expected.every((sentence) => sentence.test(answers)) ? undefined : answers;
}

if (import.meta.main) {
  const result = await run();
  console.log(JSON.stringify(result, null, 2));
  process.exitCode = result.failed === 0 ? 0 : 1;
}
