import { mkdir } from 'node:fs/promises';
import type { KeyPair } from '../../config/certificates/keyPair.ts';
import { textOf } from '../../config/certificates/pairStore.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { writeAtomically } from '../../lib/writeAtomically.ts';
import type { Trust } from './ask.ts';
import { defaultAddress, tokenText } from './joinFacts.ts';
import { readKnown, writeKnown } from './known.ts';
import { type KubeletWishes, kubeconfigText, kubeletArguments, kubeletConfigText } from './kubeletFiles.ts';
import { type Layout, layout } from './layout.ts';
import { type CertificateUse, type K3sNodeIdentity, requestNodeCertificate, storedPair } from './nodeCertificate.ts';
import { nodeId, nodePassword } from './nodePassword.ts';
import type { JoinOptions } from './options.ts';
import { usableResolvConf } from './resolvConf.ts';
import { readServerConfig, type ServerConfig } from './serverConfig.ts';
import { listApiServers } from './serverList.ts';
import { Servers } from './servers.ts';
import { Supervisor } from './supervisor.ts';
import { type JoinToken, parseToken } from './token.ts';
import { trustServer } from './trust.ts';
import { UnavailableError } from './unavailableError.ts';

export interface JoinDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** A node that the cluster knows, with its files written. */
export interface PreparedJoin {
  readonly files: Layout;
  readonly servers: Servers;
  readonly supervisor: Supervisor;
  readonly trust: Trust;
  readonly identity: K3sNodeIdentity;
  readonly server: ServerConfig;
  readonly pairs: Readonly<Record<CertificateUse, KeyPair>>;
  readonly nodeIps: readonly string[];
  /** The kubelet's command line. */
  readonly arguments: readonly string[];
}

const RETRY_MS = 5_000;

/**
 * Joins: asks until the server gives what the node needs, and writes it. When no server answers and an earlier join left all that is
 * needed, that serves: a node comes back from a reboot without its server. Rejects with one sentence that says what to do.
 */
export async function prepare(options: JoinOptions, deps: JoinDeps): Promise<PreparedJoin> {
  const token = parseToken(await tokenText(options));
  const files = layout(options.dataDir);
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
  await mkdir(files.podManifests, { recursive: true, mode: 0o700 });
  const suffix = options.withNodeId ? `-${await nodeId(options.nodePasswordFile.replace(/[^/]*$/, 'id'))}` : '';
  const nodeIps = options.nodeIps.length > 0 ? options.nodeIps : [await defaultAddress()];
  const identity: K3sNodeIdentity = {
    nodeName: options.nodeName + suffix,
    password: await nodePassword(options.nodePasswordFile, files.oldNodePassword),
    passwordFile: options.nodePasswordFile,
    ips: [...nodeIps, ...options.externalIps],
  };
  const attempt = new Attempt({ options, deps, token, files, identity, nodeIps });
  for (let said = ''; ; ) {
    try {
      return await attempt.online();
    } catch (error) {
      deps.signal.throwIfAborted();
      if (!(error instanceof UnavailableError)) throw error;
      const why = errorMessage(error);
      const kept = await attempt.offline();
      if (kept) {
        deps.log.warn('no server answers; the node starts with what it has', { error: why });
        return kept;
      }
      if (why !== said) deps.log.info('waiting for the server', { error: why });
      said = why;
    }
    await sleep(deps.clock, RETRY_MS * (1 + deps.random()), deps.signal);
  }
}

/** What all attempts have in common. */
interface Attempting {
  readonly options: JoinOptions;
  readonly deps: JoinDeps;
  readonly token: JoinToken;
  readonly files: Layout;
  readonly identity: K3sNodeIdentity;
  readonly nodeIps: readonly string[];
}

class Attempt {
  readonly #with: Attempting;

  constructor(attempting: Attempting) {
    this.#with = attempting;
  }

  async online(): Promise<PreparedJoin> {
    const { options, deps, files, token, identity } = this.#with;
    const { clock, log, signal } = deps;
    const trust = await trustServer({ server: options.server, caHash: token.caHash, clock, log });
    const servers = new Servers(options.server);
    const held = await storedPair(files.client, clock.now().wall);
    let pair = held;
    const supervisor = new Supervisor({ servers, token, trust, clock, pair: () => pair });
    const server = readServerConfig(await supervisor.get('/v1-k3s/config', signal));
    servers.setApiPort(server.httpsPort);
    await this.#writeCas(supervisor);
    const request = (use: CertificateUse) =>
      requestNodeCertificate(supervisor, use, identity, files[use], clock, signal);
    const pairs = { serving: await request('serving'), client: await request('client') };
    pair = pairs.client;
    const apiServers = await listApiServers(supervisor, signal).catch(() => []);
    servers.update(apiServers);
    await writeKnown(files.known, {
      url: options.server.origin,
      nodeName: identity.nodeName,
      trust,
      server,
      apiServers,
    });
    return await this.#prepared(servers, supervisor, trust, server, pairs);
  }

  /** What the last join left; undefined when something is missing, expired or of another cluster or name. */
  async offline(): Promise<PreparedJoin | undefined> {
    const { options, deps, files, token, identity } = this.#with;
    const known = await readKnown(files.known, options.server.origin, identity.nodeName, token.caHash);
    const wall = deps.clock.now().wall;
    const [serving, client] = [await storedPair(files.serving, wall), await storedPair(files.client, wall)];
    if (!known || !serving || !client) return undefined;
    for (const file of [files.clientCa, files.serverCa]) if ((await textOf(file)) === undefined) return undefined;
    const servers = new Servers(options.server);
    servers.setApiPort(known.server.httpsPort);
    servers.update(known.apiServers);
    const supervisor = new Supervisor({ servers, token, trust: known.trust, clock: deps.clock, pair: () => client });
    return await this.#prepared(servers, supervisor, known.trust, known.server, { serving, client });
  }

  async #writeCas(supervisor: Supervisor): Promise<void> {
    for (const [path, file] of [
      ['/v1-k3s/client-ca.crt', this.#with.files.clientCa],
      ['/v1-k3s/server-ca.crt', this.#with.files.serverCa],
    ] as const) {
      const pem = (await supervisor.get(path, this.#with.deps.signal)).toString('latin1');
      if (!pem.includes('-----BEGIN CERTIFICATE-----'))
        throw new KubeletError(`the server's answer to ${path} is no certificate; is it a k3s server?`, {
          code: 'InvalidCa',
        });
      await writeAtomically(file, pem);
    }
  }

  async #prepared(
    servers: Servers,
    supervisor: Supervisor,
    trust: Trust,
    server: ServerConfig,
    pairs: PreparedJoin['pairs'],
  ): Promise<PreparedJoin> {
    const { options, files, identity, nodeIps } = this.#with;
    const wishes: KubeletWishes = {
      nodeName: identity.nodeName,
      nodeIps,
      nodeLabels: options.nodeLabels,
      nodeTaints: options.nodeTaints,
      containerRuntimeEndpoint: options.containerRuntimeEndpoint,
      resolvConf: options.resolvConf || (await this.#resolvConf()),
      systemd: process.env.INVOCATION_ID !== undefined,
    };
    const balancer = `https://127.0.0.1:${options.balancerPort}`;
    await writeAtomically(files.kubeconfig, kubeconfigText(files, balancer, trust === 'system'));
    await mkdir(files.configDir, { recursive: true, mode: 0o700 });
    await writeAtomically(files.configFile, kubeletConfigText(files, server, wishes));
    const given = [...kubeletArguments(files, server, wishes), ...options.kubeletArguments];
    return { files, servers, supervisor, trust, identity, server, pairs, nodeIps, arguments: given };
  }

  async #resolvConf(): Promise<string> {
    const usable = await usableResolvConf();
    if (usable !== undefined) return usable;
    this.#with.deps.log.warn(
      'each resolv.conf of this machine names an address of its own, so Pods get nameserver 8.8.8.8; --resolv-conf names another',
    );
    await mkdir(this.#with.files.configDir, { recursive: true, mode: 0o700 });
    await writeAtomically(this.#with.files.resolvConf, 'nameserver 8.8.8.8\n', 0o644);
    return this.#with.files.resolvConf;
  }
}
