import type { CgroupManager } from '../../cgroups/contract.ts';
import type { DeviceManager } from '../../devices/deviceManager.ts';
import type { ClaimManager } from '../../dra/claimManager.ts';
import { Events } from '../../events/events.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Managers } from '../../ledger/managers/managers.ts';
import { LocalNode } from '../../node/localNode.ts';
import { openManagers } from '../../node/openManagers.ts';
import { runtimeDefaults } from '../../node/runtimeDefaults.ts';
import { nodeSettings } from '../../node/settings.ts';
import { SHUTTING_DOWN } from '../../node/shutdown/rules/words.ts';
import { ShuttingDown } from '../../node/shutdown/shuttingDown.ts';
import { startWarnings } from '../../node/startWarnings.ts';
import type { NodeSettings } from '../../node/types.ts';
import { NodePressure } from '../../pods/nodePressure.ts';
import type { SpecNode } from '../../podworker/spec/context.ts';
import { bootTime } from '../../stats/nodeReaders.ts';
import type { FlexDrivers } from '../../volumes/flex/drivers.ts';
import type { PersistentVolumes } from '../../volumes/persistent/persistentVolumes.ts';
import type { SeLinuxHost } from '../../volumes/rules/seLinuxLabel.ts';
import { seLinuxHost } from '../../volumes/seLinuxHost.ts';
import { managerCounters, managerGauges } from '../metrics/managerMetrics.ts';
import { nodeStartup } from '../metrics/nodeStartup.ts';
import { tellCpus } from '../tellCpus.ts';
import type { ApiConnection } from './api.ts';
import type { CsiStage } from './csi.ts';
import type { DraStage } from './dra.ts';
import { openNodeLedger } from './ledger.ts';
import { followNode } from './nodeNews.ts';
import type { Base } from './preflight.ts';
import type { Runtime } from './runtime.ts';
import { openVolumes } from './volumes.ts';

/** The node itself: what it is, what its Pods may use of it, and who hears of it. */
export interface NodeStage {
  readonly events: Events;
  readonly node: LocalNode;
  /** Published by its owner, which the next stages make. */
  readonly pressure: NodePressure;
  /** Closed until the sources are heard. */
  readonly ledger: Ledger;
  /** Who has CPUs and memory of its own; told of Pods by the ledger. */
  readonly managers: Managers;
  readonly cgroups: CgroupManager;
  readonly shuttingDown: ShuttingDown;
  /** Owners of the volumes that may outlast a Pod, as an earlier kubelet left them. */
  readonly volumes: PersistentVolumes;
  readonly flexDrivers: FlexDrivers;
  /** Undefined without SELinux. */
  readonly seLinux: SeLinuxHost | undefined;
  readonly devices: DeviceManager;
  readonly claims: ClaimManager;
  /** What requests to the runtime depend on besides the Pod. */
  readonly spec: SpecNode;
  /** The Node object changed: labels, taints, allocatable. */
  refreshLedger(): void;
}

/** Reads the machine, and makes the node's cgroups. Nothing is written to the API server yet. */
export async function openNode(
  base: Base,
  { cri }: Runtime,
  api: ApiConnection | null,
  {
    csi,
    devices,
    dra: { claims },
  }: { readonly csi: CsiStage; readonly devices: DeviceManager; readonly dra: DraStage },
  stack: AsyncDisposableStack,
): Promise<NodeStage> {
  const { loaded, nodeName, rootDir, recorder, clock, log, host, metrics } = base;
  const { config, options, gates } = loaded;
  const events = new Events({ nodeName, api: api?.events ?? null, recorder, clock, log });
  const settings = nodeSettings(config, options, gates);
  const shuttingDown = new ShuttingDown();
  const pressure = new NodePressure();
  const { mounter, flexDrivers, volumes } = await openVolumes(base, api, csi, stack);
  const node = stack.use(
    await LocalNode.create({
      ...{ config, settings, rootDir, cri, pressure, clock, log, mounter, volumes },
      recordEvent: (event) => events.node(event),
      unlisted: () => base.health.unlisted(),
      notReady: () => (shuttingDown.active ? [SHUTTING_DOWN] : []),
      devices: () => devices.capacity(),
      ...(csi.nodeInfo && { csiNode: csi.nodeInfo }),
      startup: nodeStartup(metrics.metrics, {
        now: () => clock.now().wall,
        startedMs: performance.timeOrigin,
        bootMs: await bootTime(clock.now().wall),
      }),
    }),
  );
  await warn(config, node, events);
  const managers = await openNodeManagers(base, { cri, settings, node, devices }, stack);
  const cgroups = await host.openCgroups({
    ...{ config, gates, cri, log, clock },
    machine: node.machine,
    record: (event) => events.node(event),
    metrics: metrics.metrics,
  });
  const spec = runtimeDefaults(config, rootDir, node.machine, cgroups, gates);
  const parts = { events, node, pressure, managers, cgroups, spec, shuttingDown, devices };
  const { ledger, refresh } = openNodeLedger(base, api, parts);
  followNode(base, api, { ...parts, cri, refreshLedger: refresh }, stack);
  const seLinux = await seLinuxHost(gates.enabled('SELinuxMount'));
  return { ...parts, ledger, volumes, flexDrivers, seLinux, claims, refreshLedger: refresh };
}

async function warn(config: Base['loaded']['config'], node: LocalNode, events: Events): Promise<void> {
  const { resolvConf, clusterDomain } = config;
  const { kernelVersion } = node.machine;
  for (const event of await startWarnings({ resolvConf, clusterDomain: clusterDomain ?? '', kernelVersion }))
    events.node(event);
}

/** The managers of CPUs, memory and topology, counted and told to Pods. */
async function openNodeManagers(
  { loaded: { config, gates }, rootDir, clock, log, table, metrics }: Base,
  {
    cri,
    settings,
    node,
    devices,
  }: Pick<Runtime, 'cri'> & {
    readonly settings: NodeSettings;
    readonly node: LocalNode;
    readonly devices: DeviceManager;
  },
  stack: AsyncDisposableStack,
): Promise<Managers> {
  const managers = await openManagers({
    ...{ config, gates, settings, rootDir, cri, clock, log },
    machine: node.machine,
    counters: managerCounters(metrics.metrics, gates.enabled('PodLevelResourceManagers')),
    devices: devices.providers,
  });
  managerGauges(metrics.metrics, managers);
  stack.use(tellCpus(managers, table));
  return managers;
}
