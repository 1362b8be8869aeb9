import type { CgroupManager } from '../../cgroups/contract.ts';
import type { DeviceManager } from '../../devices/deviceManager.ts';
import type { ClaimManager } from '../../dra/claimManager.ts';
import { Events } from '../../events/events.ts';
import { openLedger } from '../../ledger/admission.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Managers } from '../../ledger/managers/managers.ts';
import { runProgram } from '../../lib/linux/runProgram.ts';
import { Spaced } from '../../lib/spaced.ts';
import { readLedgerInput } from '../../node/ledgerInput.ts';
import { ledgerView } from '../../node/ledgerView.ts';
import { LocalNode } from '../../node/localNode.ts';
import { openManagers } from '../../node/openManagers.ts';
import { PodCidr } from '../../node/podCidr.ts';
import { runtimeDefaults } from '../../node/runtimeDefaults.ts';
import { nodeSettings } from '../../node/settings.ts';
import { SHUTTING_DOWN } from '../../node/shutdown/rules/words.ts';
import { ShuttingDown } from '../../node/shutdown/shuttingDown.ts';
import { startWarnings } from '../../node/startWarnings.ts';
import { NodePressure } from '../../pods/nodePressure.ts';
import type { SpecNode } from '../../podworker/spec/context.ts';
import { mayUseSwap } from '../../podworker/spec/swap.ts';
import { bootTime } from '../../stats/nodeReaders.ts';
import { FlexDrivers } from '../../volumes/flex/drivers.ts';
import { flexKind } from '../../volumes/flex/kind.ts';
import { storageOperations } from '../../volumes/metrics.ts';
import { openPersistentVolumes } from '../../volumes/persistent/open.ts';
import type { PersistentVolumes } from '../../volumes/persistent/persistentVolumes.ts';
import type { SeLinuxHost } from '../../volumes/rules/seLinuxLabel.ts';
import { seLinuxHost } from '../../volumes/seLinuxHost.ts';
import { seLinuxCounts } from '../../volumes/seLinuxMetrics.ts';
import { managerCounters, managerGauges } from '../metrics/managerMetrics.ts';
import { nodeStartup } from '../metrics/nodeStartup.ts';
import { tellCpus } from '../tellCpus.ts';
import type { ApiConnection } from './api.ts';
import type { CsiStage } from './csi.ts';
import type { DraStage } from './dra.ts';
import type { Base } from './preflight.ts';
import type { Runtime } from './runtime.ts';

/** How often a change of devices makes the Node's status be looked at, at most, in ms. */
const CAPACITY_NEWS_MS = 1000;

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
    csi: { nodeInfo, kind: csi, services },
    devices,
    dra: { claims },
  }: { readonly csi: CsiStage; readonly devices: DeviceManager; readonly dra: DraStage },
  stack: AsyncDisposableStack,
): Promise<NodeStage> {
  const { loaded, nodeName, rootDir, recorder, clock, log, table, host, metrics } = base;
  const { config, options, gates } = loaded;
  const events = new Events({ nodeName, api: api?.events ?? null, recorder, clock, log });
  const settings = nodeSettings(config, options, gates);
  const shuttingDown = new ShuttingDown();
  const pressure = new NodePressure();
  const mounter = host.createMounter();
  const flexDrivers = stack.use(new FlexDrivers(config.volumePluginDir, runProgram));
  const volumes = stack.use(
    openPersistentVolumes({
      ...{ rootDir, mounter, clock, log },
      onOperation: storageOperations(metrics.metrics),
      seLinuxCounts: seLinuxCounts(metrics.metrics),
      ...(csi && { csi }),
      flexVolume: flexKind(flexDrivers, config.volumePluginDir, api !== null),
      expansion: services,
    }),
  );
  await volumes.rebuild();
  const node = stack.use(
    await LocalNode.create({
      ...{ config, settings, rootDir, cri, pressure, clock, log, mounter, volumes },
      recordEvent: (event) => events.node(event),
      unlisted: () => base.health.unlisted(),
      notReady: () => (shuttingDown.active ? [SHUTTING_DOWN] : []),
      devices: () => devices.capacity(),
      ...(nodeInfo && { csiNode: nodeInfo }),
      startup: nodeStartup(metrics.metrics, {
        now: () => clock.now().wall,
        startedMs: performance.timeOrigin,
        bootMs: await bootTime(clock.now().wall),
      }),
    }),
  );
  const { resolvConf, clusterDomain } = config;
  const { kernelVersion } = node.machine;
  for (const event of await startWarnings({ resolvConf, clusterDomain: clusterDomain ?? '', kernelVersion }))
    events.node(event);
  const managers = await openManagers({
    ...{ config, gates, settings, rootDir, cri, clock, log },
    machine: node.machine,
    counters: managerCounters(base.metrics.metrics, gates.enabled('PodLevelResourceManagers')),
    devices: devices.providers,
  });
  managerGauges(base.metrics.metrics, managers);
  stack.use(tellCpus(managers, table));
  const input = readLedgerInput(config, nodeName);
  const view = () =>
    ledgerView(node.forAdmission(), { ...input, pressures: pressure.conditions, shuttingDown: shuttingDown.active });
  const cgroups = await host.openCgroups({
    ...{ config, gates, cri, log, clock },
    machine: node.machine,
    record: (event) => events.node(event),
    metrics: base.metrics.metrics,
  });
  const spec = runtimeDefaults(config, rootDir, node.machine, cgroups, gates);
  const preemptions = base.metrics.metrics.counter('kubelet_preemptions');
  const ledger = openLedger({
    table,
    view,
    own: managers,
    resizes: {
      podLevel: gates.enabled('InPlacePodLevelResourcesVerticalScaling'),
      staticCpus: config.cpuManagerPolicy === 'static' && !gates.enabled('InPlacePodVerticalScalingExclusiveCPUs'),
      staticMemory:
        config.memoryManagerPolicy === 'Static' && !gates.enabled('InPlacePodVerticalScalingExclusiveMemory'),
      mayUseSwap: (pod, container) => mayUseSwap(pod, container, spec),
    },
    onInfeasible: (detail) => metrics.resizes.infeasible(detail),
    onPreempted: (resource) => preemptions.inc({ preemption_signal: resource }),
    // A label may have been set a moment ago, and the watch not have told it yet.
    freshView: async () => {
      const fresh = await api?.heartbeat.get('Node', { name: nodeName }, { timeoutMs: 1000 });
      if (!fresh) return undefined;
      node.seen(fresh);
      return view();
    },
    onEvent: ({ pod, ...subject }, event) => events.pod(pod, subject, event),
    devices: devices.places,
  });
  ledger.onResize((_pod, verdict, trigger) => {
    if (verdict.resize === 'granted') metrics.resizes.deferredAccepted(trigger);
  });
  const podCidr = stack.use(new PodCidr(cri, { clock, log }));
  if (!api && config.podCIDR !== '') podCidr.want(config.podCIDR);
  const refreshLedger = () => ledger.setNode(view());
  stack.use(pressure.onChange(refreshLedger));
  api?.onNode((object) => {
    node.seen(object);
    if (object) podCidr.seen(object);
    refreshLedger();
  });
  shuttingDown.onChange(() => {
    refreshLedger();
    node.statusChanged();
  });
  // A plug-in may change its mind without end; what is left out here is written at the status's next turn.
  const capacity = stack.use(new Spaced(clock, CAPACITY_NEWS_MS, () => node.statusChanged()));
  stack.use(devices.onChange(() => capacity.tell(undefined)));
  stack.use(node.onSeen(() => devices.shown(node.node.status?.capacity ?? {})));
  return {
    events,
    node,
    pressure,
    ledger,
    managers,
    cgroups,
    spec,
    volumes,
    flexDrivers,
    seLinux: await seLinuxHost(gates.enabled('SELinuxMount')),
    shuttingDown,
    devices,
    claims,
    refreshLedger,
  };
}
