import { join } from 'node:path';
import { MIN_SHARES } from '../k8s/cpuShares.ts';
import { podQOS } from '../k8s/qos.ts';
import { type Clock, realClock } from '../lib/clock.ts';
import { KubeletError } from '../lib/errors.ts';
import { errnoCode } from '../lib/linux/linuxError.ts';
import { SystemdManager } from '../lib/linux/systemd/manager.ts';
import type { Pod } from '../types/k8s.ts';
import { type CgroupHost, delegateControllers } from './applyConfig.ts';
import { type CgroupFs, realCgroupFs } from './cgroupFs.ts';
import type { CgroupManager, PodCgroup } from './contract.ts';
import { pidsBelow } from './destroy.ts';
import { cgroupfsDriver, type Driver, type Slices, systemdDriver } from './driver.ts';
import type { Hierarchies } from './hierarchies.ts';
import { qosCgroups } from './qosCgroups.ts';
import { memoryUsage, readLimits } from './readLimits.ts';
import {
  type CgroupDriver,
  type CgroupName,
  cgroupParent,
  cgroupPath,
  nodeCgroup,
  podCgroup,
  podUidOfDirectory,
  qosCgroup,
} from './rules/names.ts';
import { type NodeLimits, nodeConfig } from './rules/nodeConfig.ts';
import { type PodCgroupSettings, podConfig } from './rules/podConfig.ts';
import { type QosConfigs, type QosDemand, type QosSettings, qosConfigs } from './rules/qosTiers.ts';

const QOS_CLASSES = ['Guaranteed', 'Burstable', 'BestEffort'] as const;

export interface CgroupManagerOptions {
  readonly hierarchies: Hierarchies;
  readonly driver: CgroupDriver;
  /** KubeletConfiguration cgroupRoot. */
  readonly cgroupRoot: string;
  readonly settings: PodCgroupSettings;
  /** What is kept for QoS classes; default: nothing. */
  readonly qos?: QosSettings;
  readonly fs?: CgroupFs;
  readonly clock?: Clock;
  /** systemd's manager; the machine's own unless given. Used with driver systemd only. */
  readonly systemd?: Slices;
}

/** The cgroup manager for either version; detectHierarchies tells which one the machine has. */
export function createCgroupManager(options: CgroupManagerOptions): CgroupManager {
  const { hierarchies, driver, settings, fs = realCgroupFs, clock = realClock } = options;
  const host: CgroupHost = { fs, hierarchies };
  const how = driverOf(options, host, clock);
  const node = nodeCgroup(options.cgroupRoot);
  const pathOf = (name: CgroupName) => cgroupPath(name, driver);
  const describe = (uid: string, name: CgroupName): PodCgroup => {
    return { uid, name, path: pathOf(name), cgroupParent: cgroupParent(name, driver) };
  };
  const ofPod = (pod: Pod) => describe(uidOf(pod), podCgroup(node, podQOS(pod), uidOf(pod)));
  const { qos: qosSettings = { allocatableMemory: 0 } } = options;
  const { hugePageSizes } = hierarchies;
  const usage = (name: CgroupName) => memoryUsage(host, pathOf(name));
  const qos = qosCgroups({ driver: how, node, settings: qosSettings, hugePageSizes, memoryUsage: usage });
  let limits: NodeLimits | undefined;
  let demand: QosDemand | undefined;
  const setUpNode = async (next: NodeLimits) => {
    limits = next;
    const tiers = qosConfigs(demand, qosSettings, hugePageSizes);
    await setUpNodeCgroups(host, how, { node, driver, limits: next, qos: tiers });
  };
  return {
    ...{ version: hierarchies.version, driver, hugePageSizes, qos: qosSettings, setUpNode },
    podCgroup: ofPod,
    podConfig: (pod, exclusiveCPUs = false) => podConfig(pod, settings, exclusiveCPUs),
    ensurePod: async (pod, exclusiveCPUs = false) => {
      const own = ofPod(pod);
      const parents = limits && (() => setUpNode(limits!));
      await ensureBelow(how, own.name, podConfig(pod, settings, exclusiveCPUs), parents);
      return own;
    },
    apply: how.apply,
    reduceCpu: (name) => how.apply(name, { cpuShares: MIN_SHARES }),
    updateQos: (next) => {
      demand = next;
      return qos.set(next);
    },
    refreshQos: () => qos.again(),
    destroy: how.destroy,
    listPods: () => listPods(host, node, driver, describe),
    pids: (name) => pidsBelow(fs, placesOf(hierarchies, pathOf(name))),
    readLimits: (name) => readLimits(host, pathOf(name)),
    memoryUsage: usage,
  };
}

function driverOf({ driver, systemd }: CgroupManagerOptions, host: CgroupHost, clock: Clock): Driver {
  if (driver === 'systemd') return systemdDriver(host, clock, systemd ?? new SystemdManager());
  return cgroupfsDriver(host, clock);
}

/** Where a cgroup is in each hierarchy. */
function placesOf({ mounts }: Hierarchies, path: string): string[] {
  return mounts.map((mount) => join(mount, path));
}

/** Makes a Pod's cgroup. Somebody may have removed its parents; without them no Pod would ever start again, so they are made anew. */
async function ensureBelow(
  how: Driver,
  name: CgroupName,
  config: ReturnType<typeof podConfig>,
  makeParents: (() => Promise<void>) | undefined,
): Promise<void> {
  try {
    await how.ensure(name, config);
  } catch (error) {
    if (errnoCode(error) !== 'ENOENT' || !makeParents) throw error;
    await makeParents();
    await how.ensure(name, config);
  }
}

interface NodeCgroups {
  readonly node: CgroupName;
  readonly driver: CgroupDriver;
  readonly limits: NodeLimits;
  readonly qos: QosConfigs;
}

async function setUpNodeCgroups(
  host: CgroupHost,
  how: Driver,
  { node, driver, limits, qos }: NodeCgroups,
): Promise<void> {
  const path = cgroupPath(node, driver);
  const above = cgroupPath(node.slice(0, -1), driver);
  await delegateControllers(host, above);
  await how.ensure(node, nodeConfig(limits));
  await delegateControllers(host, path);
  for (const name of ['Burstable', 'BestEffort'] as const) {
    const child = qosCgroup(node, name);
    await how.ensure(child, qos[name]);
    await delegateControllers(host, cgroupPath(child, driver));
  }
}

async function listPods(
  { fs, hierarchies }: CgroupHost,
  node: CgroupName,
  driver: CgroupDriver,
  describe: (uid: string, name: CgroupName) => PodCgroup,
): Promise<PodCgroup[]> {
  const found = new Map<string, PodCgroup>();
  const places = hierarchies.mounts.flatMap((mount) => QOS_CLASSES.map((qos) => ({ mount, qos })));
  await Promise.all(
    places.map(async ({ mount, qos }) => {
      for (const directory of await fs.children(join(mount, cgroupPath(qosCgroup(node, qos), driver)))) {
        const uid = podUidOfDirectory(directory.toString(), driver);
        if (uid === undefined) continue;
        const pod = describe(uid, podCgroup(node, qos, uid));
        found.set(pod.path, pod);
      }
    }),
  );
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function uidOf(pod: { readonly metadata?: { readonly uid?: string } }): string {
  const uid = pod.metadata?.uid;
  if (!uid) throw new KubeletError('a Pod without a UID has no cgroup', { code: 'Cgroup' });
  return uid;
}
