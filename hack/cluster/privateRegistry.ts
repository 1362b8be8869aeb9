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

/** Where images of the private registry are, as Pods name them. */
export const privateRegistry = '127.0.0.1:5052';
const port = 5052;

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

/** Starts a registry that asks for a password, beside the open one, and tells the node's runtime that it speaks HTTP. */
export async function startPrivateRegistry(cluster: Cluster): Promise<void> {
  const { state } = cluster.layout;
  const directory = path.join(state, 'private-registry');
  mkdirSync(directory, { recursive: true });
  const lines = Object.values(registryLogins).map(({ username, hash }) => `${username}:${hash}\n`);
  writeFileSync(path.join(directory, 'htpasswd'), lines.join(''));
  const config = {
    version: 0.1,
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: path.join(directory, 'storage') } },
    http: { addr: `127.0.0.1:${port}` },
    auth: { htpasswd: { realm: 'private', path: path.join(directory, 'htpasswd') } },
  };
  writeFileSync(path.join(directory, 'config.yml'), JSON.stringify(config)); // JSON is YAML
  const hosts = path.join(state, 'containerd/certs.d', privateRegistry);
  mkdirSync(hosts, { recursive: true });
  const server = `http://${privateRegistry}`;
  writeFileSync(
    path.join(hosts, 'hosts.toml'),
    `server = "${server}"\n[host."${server}"]\n  capabilities = ["pull", "resolve"]\n`,
  );
  startService(cluster, {
    name: 'private-registry',
    argv: [await program(), 'serve', path.join(directory, 'config.yml')],
    place: 'network',
  });
  await waitForService(cluster, 'private-registry', 15_000, async () => {
    return (await insideStatus(cluster, port, '/v2/')).includes(' 401 ');
  });
}

/** Pushes one of the project's images; returns its name. */
export async function pushPrivate(cluster: Cluster, name: ImageName, repository: string): Promise<string> {
  const [built] = await ensureImages([name]);
  if (!built) throw new Error(`no image is called ${name}`);
  const target = `${privateRegistry}/${repository}`;
  const { username, password } = registryLogins.tenant;
  const script = path.join(repoRoot, 'hack/images/push.ts');
  const argv = [process.execPath, script, target, built.directory, `${username}:${password}`];
  const [command = '', ...args] = inside(cluster, 'network', argv);
  await run(command, args);
  return target;
}

/** Ends the registry; what was pulled stays on the node. */
export async function stopPrivateRegistry(cluster: Cluster): Promise<void> {
  await stopService(cluster, 'private-registry');
  rmSync(path.join(cluster.layout.state, 'containerd/certs.d', privateRegistry), { recursive: true, force: true });
}
