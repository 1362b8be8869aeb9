import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { startApi, stopApi } from '../cluster/control.ts';
import { net } from '../cluster/layout.ts';
import { inside, signalService, startService, stopService, waitForService } from '../cluster/service.ts';
import type { Cluster } from '../cluster/state.ts';
import { tryRun } from '../lib/run.ts';
import { ensureTools } from '../tools/ensure.ts';

const service = 'k3s-supervisor';
const port = 9345;
const egress = '127.0.0.1:8132';

/** Where a node joins and with what. */
export interface K3sInvitation {
  readonly server: string;
  /** The whole token, with the hash of the CA. */
  readonly token: string;
}

function files({ layout }: Cluster) {
  const at = (name: string) => path.join(layout.state, name);
  return { password: at('k3s-password'), nodes: at('k3s-nodes.json'), egress: at('egress.yaml') };
}

/**
 * Gives a cluster what a k3s server has beside Kubernetes: a supervisor that nodes join, and an API server that reaches kubelets only
 * through their tunnels. k3s itself cannot be built from the module proxy; the tunnel's server is its own module.
 */
export async function becomeK3s(control: Cluster): Promise<K3sInvitation> {
  const { password } = files(control);
  if (!existsSync(password)) writeFileSync(password, randomBytes(16).toString('hex'), { mode: 0o600 });
  await startSupervisor(control);
  await stopApi(control);
  await startApiWithEgress(control);
  const ca = readFileSync(path.join(control.layout.pki, 'ca.crt'));
  const hash = createHash('sha256').update(ca).digest('hex');
  return {
    server: `https://${net.nodeAddress}:${port}`,
    token: `K10${hash}::server:${readFileSync(password, 'utf8')}`,
  };
}

/** Starts the API server as k3s does; also after it was stopped. */
export async function startApiWithEgress(control: Cluster): Promise<void> {
  const pki = (name: string) => path.join(control.layout.pki, name);
  const tlsConfig = { caBundle: pki('ca.crt'), clientCert: pki('admin.crt'), clientKey: pki('admin.key') };
  const tcp = { url: `https://${egress}`, tlsConfig };
  const selection = {
    name: 'cluster',
    connection: { proxyProtocol: 'HTTPConnect', transport: { tcp } },
  };
  const config = {
    apiVersion: 'apiserver.k8s.io/v1beta1',
    kind: 'EgressSelectorConfiguration',
    egressSelections: [selection],
  };
  writeFileSync(files(control).egress, stringify(config));
  await startApi(control, {
    'egress-selector-config-file': files(control).egress,
    'kubelet-certificate-authority': pki('ca.crt'),
  });
}

/** Starts the supervisor unless it runs. It remembers the nodes of its predecessor. */
export async function startSupervisor(control: Cluster): Promise<void> {
  const program = (await ensureTools(['k3s-supervisor'])).bin('k3s-supervisor');
  const { password, nodes } = files(control);
  const pki = (name: string) => path.join(control.layout.pki, name);
  startService(control, {
    name: service,
    argv: [
      ...[program, `--ca=${pki('ca.crt')}`, `--ca-key=${pki('ca.key')}`, `--address=${net.nodeAddress}`],
      ...[`--port=${port}`, `--api-port=${net.apiPort}`, `--egress=${egress}`],
      ...[`--password-file=${password}`, `--nodes=${nodes}`, `--cluster-dns=${net.clusterDns}`],
    ],
    place: 'network',
  });
  await waitForService(control, service, 30_000, async () => (await tunnelsOf(control)) !== undefined);
}

/** Ends the supervisor as a power cut does. */
export function killSupervisor(control: Cluster): Promise<void> {
  return stopService(control, service, 'SIGKILL');
}

/** Breaks every tunnel at the server's end: a reset, no goodbye. */
export function cutTunnels(control: Cluster): void {
  signalService(control, service, 'SIGUSR1');
}

/** What the supervisor says of tunnels. */
export interface Tunnels {
  /** The nodes that have one. */
  readonly nodes: readonly string[];
  /** How many were asked for since it started. */
  readonly opened: number;
}

/** Its tunnels; undefined while the supervisor does not answer. */
export async function tunnelsOf(control: Cluster): Promise<Tunnels | undefined> {
  const secret = `node:${readFileSync(files(control).password, 'utf8')}`;
  const url = `https://${net.nodeAddress}:${port}/v1-k3s/tunnels`;
  const curl = ['curl', '-sS', '-m', '5', '--cacert', path.join(control.layout.pki, 'ca.crt'), '-K', '-', url];
  const [command = '', ...args] = inside(control, 'network', curl);
  // On stdin: what other users see of a command line has no secret in it.
  const { code, stdout } = await tryRun(command, args, { input: `user = "${secret}"\nfail\n` });
  return code === 0 ? (JSON.parse(stdout) as Tunnels) : undefined;
}
