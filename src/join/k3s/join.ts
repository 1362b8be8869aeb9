import { ApiClient } from '../../api/client.ts';
import { openKubeconfig } from '../../config/credentials.ts';
import { realClock } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import { createLogger } from '../../lib/logger.ts';
import { Balancer } from './balancer.ts';
import { JOIN_HELP } from './help.ts';
import { NodeAnnotations } from './nodeAnnotations.ts';
import { requestNodeCertificate } from './nodeCertificate.ts';
import { type JoinOptions, parseJoin } from './options.ts';
import { type JoinDeps, type PreparedJoin, prepare } from './prepare.ts';
import { Renewal } from './renewal.ts';
import { ServerList } from './serverList.ts';
import type { KubeletDoor } from './tunnel/kubeletDoor.ts';
import { dialKubelet } from './tunnel/kubeletDoor.ts';
import { Tunnels } from './tunnel/tunnels.ts';

/** A machine that has joined, with everything beside the kubelet that a k3s node needs. */
export interface Joined extends AsyncDisposable {
  /** The kubelet's command line; its files are written, and the API servers are reached through the balancer. */
  readonly arguments: readonly string[];
  /** The kubelet serves there: tunnels to it may open. */
  kubeletServes(door: KubeletDoor): void;
}

/** `kubelet-ts join k3s …`: what to print, or the joined node. `args` come after `k3s`. Rejects with one sentence. */
export async function runJoin(args: readonly string[], env: NodeJS.ProcessEnv): Promise<{ help: string } | Joined> {
  const options = parseJoin(args, env);
  if (options === 'help') return { help: JOIN_HELP };
  // What other users see of a command line is from here on only this.
  if ('text' in options.token) process.title = 'kubelet-ts join k3s';
  const log = createLogger();
  return await join(options, { clock: realClock, log, random: Math.random, signal: new AbortController().signal });
}

/** Joins and opens balancer, renewal and list of servers. Disposing ends them; the node stays joined. */
export async function join(options: JoinOptions, deps: JoinDeps): Promise<Joined> {
  const { clock, log, random, signal } = deps;
  await using own = new AsyncDisposableStack();
  const prepared = await prepare(options, deps);
  const { servers, supervisor, trust, identity, files, server } = prepared;
  const balancer = own.use(await openBalancer(servers, options.balancerPort, deps));
  own.use(servers.onChange(() => balancer.dropOthers()));
  own.use(new ServerList({ servers, supervisor, clock, log, random }).start());
  const pairs = { ...prepared.pairs };
  supervisor.present(() => pairs.client);
  const request = async (use: keyof typeof pairs, stop: AbortSignal) => {
    const either = AbortSignal.any([stop, signal]);
    pairs[use] = await requestNodeCertificate(supervisor, use, identity, files[use], clock, either);
    return pairs[use];
  };
  own.use(new Renewal({ pairs, request, clock, log, random }).start());
  if (!server.disableCCM) own.use(await annotate(prepared, options, deps));
  log.info('joined', {
    node: identity.nodeName,
    server: options.server.origin,
    egressSelectorMode: server.egressSelectorMode,
  });
  const running = own.move();
  const tunnels = (door: KubeletDoor) =>
    new Tunnels({
      ...{ servers, trust, clock, log, random },
      pair: () => pairs.client,
      dial: (protocol, address) => dialKubelet(door, protocol, address),
      onLost: (address) => leave(address, servers, balancer),
    });
  return {
    arguments: prepared.arguments,
    kubeletServes: (door) => {
      // A server that dials kubelets itself has no tunnel.
      if (server.egressSelectorMode !== 'disabled' && !running.disposed) running.use(tunnels(door).start());
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function openBalancer(servers: PreparedJoin['servers'], port: number, { clock, log }: JoinDeps): Promise<Balancer> {
  return Balancer.open({
    ...{ port, clock, log },
    addresses: () => servers.apiServers(),
    failed: (address) => servers.failed(address),
  });
}

/** A tunnel to this supervisor was lost: connections to the API server of its host go, too. */
function leave(address: string, servers: PreparedJoin['servers'], balancer: Balancer): void {
  const host = address.slice(0, address.lastIndexOf(':'));
  for (const api of servers.apiServers()) if (api.startsWith(`${host}:`)) balancer.drop(api);
  servers.failed(address);
}

async function annotate(
  { files, identity, nodeIps }: PreparedJoin,
  { externalIps }: JoinOptions,
  deps: JoinDeps,
): Promise<AsyncDisposable> {
  const { clock, log, random } = deps;
  await using own = new AsyncDisposableStack();
  const kubeconfig = own.use(await openKubeconfig(files.kubeconfig, clock));
  const client = own.use(new ApiClient(kubeconfig.current(), { clock }));
  own.use(kubeconfig.onChange((config) => client.transport.setConfig(config)));
  own.use(
    kubeconfig.onProblem((error) => log.warn('the changed kubeconfig cannot be used', { error: errorMessage(error) })),
  );
  const { nodeName } = identity;
  own.use(new NodeAnnotations({ client, nodeName, internalIps: nodeIps, externalIps, clock, log, random }).start());
  return own.move();
}
