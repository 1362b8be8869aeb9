import type { LoadedConfiguration } from '../config/load.ts';
import { type Clock, realClock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { type Host, realHost } from './host.ts';
import { refuseUnaskable } from './serverRights.ts';
import { connectApi } from './stages/api.ts';
import { openCollectors } from './stages/collectors.ts';
import { openCsi } from './stages/csi.ts';
import { openDevices } from './stages/devices.ts';
import { openDra } from './stages/dra.ts';
import { openNode } from './stages/node.ts';
import { openPlugins } from './stages/plugins.ts';
import { openPodResources } from './stages/podResources.ts';
import { openPods } from './stages/pods.ts';
import { openPodsApi } from './stages/podsApi.ts';
import { claimMachine } from './stages/preflight.ts';
import { openPressure } from './stages/pressure.ts';
import { connectRuntime } from './stages/runtime.ts';
import { openServer } from './stages/server.ts';
import { watchShutdowns } from './stages/shutdown.ts';
import { hearSources } from './stages/sources.ts';

/** A running node agent. Disposing ends the agent and leaves its Pods running. */
export interface Agent extends AsyncDisposable {
  readonly nodeName: string;
  /** Resolves when the agent can do nothing any more without a new start: the process should end with this error. */
  readonly fatal: Promise<Error>;
}

/**
 * Starts the agent, stage by stage: each sees only what the earlier ones made, and what is wrong with one ends the start with its
 * sentence, everything before it undone. The order is a promise: nothing touches a Pod before the machine is ours, no source is heard
 * before the runtime was listed, and the server is open before the Node can become Ready.
 */
export async function startAgent(
  loaded: LoadedConfiguration,
  log: Logger,
  clock: Clock = realClock,
  host: Host = realHost,
): Promise<Agent> {
  refuseUnaskable(loaded);
  await using stack = new AsyncDisposableStack();
  const base = await claimMachine({ loaded, log, clock, host }, stack);
  const runtime = connectRuntime(base, stack);
  const api = stack.use(await connectApi(base));
  const csi = openCsi(base, api, stack);
  const devices = await openDevices(base, stack);
  const dra = await openDra(base, api, stack);
  const node = await openNode(base, runtime, api, { csi, devices, dra }, stack);
  const pods = await openPods(base, runtime, api, node, csi, stack);
  const collectors = openCollectors(base, runtime, node, pods, stack);
  openPlugins(base, { CSIPlugin: csi.registration, DevicePlugin: devices.handler, DRAPlugin: dra.registration }, stack);
  await openPodResources(base, node, stack);
  await openPodsApi(base, stack);
  const pressure = await openPressure(base, runtime, node, pods, csi, collectors, stack);
  await openServer(base, runtime, api, node, pods, pressure, stack);
  hearSources(base, api, node, pods, collectors, pressure, stack);
  await watchShutdowns(base, api, node, stack);
  log.info('kubelet-ts is running', {
    node: base.nodeName,
    standalone: api === null,
    runtime: loaded.config.containerRuntimeEndpoint,
  });
  const running = stack.move();
  return { nodeName: base.nodeName, fatal: base.fatal.promise, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
