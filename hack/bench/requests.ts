import { mkdir, writeFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { allocatedAsAsked } from '../../src/pods/rules/allocation.ts';
import { containerConfig } from '../../src/podworker/spec/containerConfig.ts';
import { containerResources } from '../../src/podworker/spec/containerResources.ts';
import type { SpecNode } from '../../src/podworker/spec/context.ts';
import { ETC_HOSTS_FILE } from '../../src/podworker/spec/etcHosts.ts';
import { sandboxConfig } from '../../src/podworker/spec/sandboxConfig.ts';
import type { Container, Pod } from '../../src/types/k8s.ts';

const node: SpecNode = {
  cgroupVersion: 1,
  cpuCFSQuota: true,
  cpuCFSQuotaPeriod: 100_000,
  memoryCapacity: totalmem(),
  swapCapacity: 0,
  hugePageSizes: [],
  singleProcessOOMKill: true,
  swapControllerAvailable: false,
  swapBehavior: '',
  thermalThrottlePaths: [],
  seLinuxEnabled: false,
  seccompDefault: false,
  seccompRoot: '/var/lib/kubelet/seccomp',
  podLogsRoot: '/var/log/pods',
  containerStopSignals: false,
};

const common = { node, userNamespace: null, volumeGroups: [], exclusiveCPUs: false };

/** The sandbox as kubelet-ts would ask for it. */
export function sandboxRequest(pod: Pod, cgroupParent: string) {
  const dns = {
    hostResolvConf: 'nameserver 172.30.0.10\n',
    clusterDNS: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    nodeIPs: ['172.30.0.10'],
  };
  return sandboxConfig(allocatedAsAsked(pod), { ...common, cgroupParent, attempt: 0, dns });
}

/** The container's new resources as kubelet-ts would ask for them. */
export function resizeRequest(pod: Pod, container: Container) {
  const inputs = { node, exclusiveCPUs: false, cpusetCpus: '', cpusetMems: '' };
  return containerResources(allocatedAsAsked(pod), container, inputs);
}

/** What lies ready on the disk for the mounts of every container: the null agent sets no volumes up. */
export interface Prepared {
  /** A directory for each volume, `etc-hosts` beside them. */
  readonly dir: string;
  readonly terminationLog: string;
}

/** The container as kubelet-ts would ask for it, every mount included. */
export function containerRequest(
  pod: Pod,
  container: Container,
  cgroupParent: string,
  podIPs: readonly string[],
  prepared: Prepared,
) {
  const volumes = (pod.spec?.volumes ?? []).map((volume) => {
    const kind = volume.projected ? 'projected' : volume.configMap ? 'configMap' : 'emptyDir';
    return [
      volume.name,
      { hostPath: join(prepared.dir, kind), readOnly: kind !== 'emptyDir', seLinuxRelabel: false },
    ] as const;
  });
  return containerConfig(allocatedAsAsked(pod), container, {
    ...common,
    cgroupParent,
    restartCount: 0,
    imageRef: container.image ?? '',
    imageUser: { uid: 0 },
    env: [],
    podIPs,
    podDir: prepared.dir,
    volumes: new Map(volumes),
    subPaths: new Map(),
    blockDevices: new Map(),
    imageVolumes: new Map(),
    supportsRecursiveReadOnly: false,
    terminationLogPath: prepared.terminationLog,
    deviceAllocation: null,
    targetContainerId: null,
    cpusetCpus: '',
    cpusetMems: '',
  });
}

/** Makes the mounts' sources once. */
export async function prepare(root: string): Promise<Prepared> {
  const prepared = { dir: join(root, 'null-agent'), terminationLog: join(root, 'null-agent', 'termination-log') };
  for (const kind of ['emptyDir', 'configMap', 'projected']) await mkdir(join(prepared.dir, kind), { recursive: true });
  for (const file of ['configMap/ca.crt', 'projected/ca.crt', 'projected/namespace', 'projected/token', ETC_HOSTS_FILE])
    await writeFile(join(prepared.dir, file), '127.0.0.1\tlocalhost\n');
  await writeFile(prepared.terminationLog, '', { mode: 0o666 });
  return prepared;
}
