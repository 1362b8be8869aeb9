import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { unpackDebian } from '../images/debian.ts';
import type { ImageName } from '../images/definitions/index.ts';
import { ensureImages } from '../images/ensure.ts';
import { withLock } from '../lib/lock.ts';
import { step } from '../lib/log.ts';
import { cacheDir, repoRoot } from '../lib/paths.ts';
import { run } from '../lib/run.ts';
import { insideStatus } from './kubelet.ts';
import { inside, startService, stopService, waitForService } from './service.ts';
import type { Cluster } from './state.ts';
import { startTokenServer } from './tokenServer.ts';

/** Where images of the registry with passwords are, as Pods name them. */
export const privateRegistry = '127.0.0.1:5052';
/** The one that takes tokens of a token server. */
export const tokenRegistry = '127.0.0.1:5054';

/** Who may pull: the registry reads bcrypt hashes alone. */
export const registryLogins = {
  tenant: {
    username: 'tenant-a',
    password: 'password-a',
    hash: '$2b$05$abcdefghijklmnopqrstuuq0mngucE4rYmEaK38Tqh0OThl9pNlzy',
  },
  provider: {
    username: 'provider',
    password: 'password-p',
    hash: '$2b$05$abcdefghijklmnopqrstuuXLFXLB7RZ7WDV0D.5RtMrxdCnDWT1Se',
  },
} as const;

/** Debian's docker-registry (CNCF Distribution), unpacked into the cache: nothing is installed, nothing is started. */
async function program(): Promise<string> {
  const target = path.join(cacheDir(), 'docker-registry');
  await withLock(`${target}.lock`, 600_000, async () => {
    if (existsSync(target)) return;
    const temporary = `${target}.tmp`;
    rmSync(temporary, { recursive: true, force: true });
    mkdirSync(temporary, { recursive: true });
    await step('unpacking docker-registry', () => unpackDebian(temporary, ['docker-registry']));
    renameSync(temporary, target);
  });
  return path.join(target, 'usr/bin/docker-registry');
}

const services: Readonly<Record<string, string>> = {
  [privateRegistry]: 'private-registry',
  [tokenRegistry]: 'token-registry',
};

const stateOf = (cluster: Cluster, host: string) => path.join(cluster.layout.state, services[host] ?? '');

/** Starts a registry that asks for a password (htpasswd), beside the open one. */
export async function startPrivateRegistry(cluster: Cluster): Promise<void> {
  const directory = stateOf(cluster, privateRegistry);
  mkdirSync(directory, { recursive: true });
  const lines = Object.values(registryLogins).map(({ username, hash }) => `${username}:${hash}\n`);
  writeFileSync(path.join(directory, 'htpasswd'), lines.join(''));
  await start(cluster, privateRegistry, { htpasswd: { realm: 'private', path: path.join(directory, 'htpasswd') } });
}

/** Starts a registry that takes the tokens of a token server, and that server. `setLogins` changes who may log in there. */
export async function startTokenRegistry(
  cluster: Cluster,
): Promise<{ setLogins(logins: Readonly<Record<string, string>>): void }> {
  const directory = stateOf(cluster, tokenRegistry);
  mkdirSync(directory, { recursive: true });
  const { username, password } = registryLogins.tenant;
  const server = await startTokenServer(cluster, directory, { [username]: password });
  await start(cluster, tokenRegistry, { token: server.auth });
  return { setLogins: server.setLogins };
}

async function start(cluster: Cluster, host: string, auth: object): Promise<void> {
  const directory = stateOf(cluster, host);
  const [, port = ''] = host.split(':');
  const config = {
    version: 0.1,
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: path.join(directory, 'storage') } },
    http: { addr: host },
    auth,
  };
  writeFileSync(path.join(directory, 'config.yml'), JSON.stringify(config)); // JSON is YAML
  tellRuntime(cluster, host);
  const name = services[host] ?? '';
  const argv = [await program(), 'serve', path.join(directory, 'config.yml')];
  startService(cluster, { name, argv, place: 'network' });
  await waitForService(cluster, name, 15_000, async () => {
    return (await insideStatus(cluster, Number(port), '/v2/')).includes(' 401 ');
  });
}

const hostsOf = (cluster: Cluster, host: string) => path.join(cluster.layout.state, 'containerd/certs.d', host);

/** Tells the node's runtime that a registry speaks HTTP. */
export function tellRuntime(cluster: Cluster, host: string): void {
  mkdirSync(hostsOf(cluster, host), { recursive: true });
  const text = `server = "http://${host}"\n[host."http://${host}"]\n  capabilities = ["pull", "resolve"]\n`;
  writeFileSync(path.join(hostsOf(cluster, host), 'hosts.toml'), text);
}

/** Takes that back. */
export function untellRuntime(cluster: Cluster, host: string): void {
  rmSync(hostsOf(cluster, host), { recursive: true, force: true });
}

interface Login {
  readonly username: string;
  readonly password: string;
}

/** Pushes one of the project's images; returns its name. */
export async function pushPrivate(
  cluster: Cluster,
  name: ImageName,
  repository: string,
  host = privateRegistry,
  { username, password }: Login = registryLogins.tenant,
): Promise<string> {
  const [built] = await ensureImages([name]);
  if (!built) throw new Error(`no image is called ${name}`);
  const target = `${host}/${repository}`;
  const script = path.join(repoRoot, 'hack/images/push.ts');
  const argv = [process.execPath, script, target, built.directory, `${username}:${password}`];
  const [command = '', ...args] = inside(cluster, 'network', argv);
  await run(command, args);
  return target;
}

/** Ends the registry with passwords; what was pulled stays on the node. */
export async function stopPrivateRegistry(cluster: Cluster): Promise<void> {
  await stopService(cluster, 'private-registry');
  untellRuntime(cluster, privateRegistry);
}

/** Ends the registry with tokens and its token server. */
export async function stopTokenRegistry(cluster: Cluster): Promise<void> {
  await stopService(cluster, 'token-registry');
  await stopService(cluster, 'token-server');
  untellRuntime(cluster, tokenRegistry);
}
