import { totalmem } from 'node:os';
import { join } from 'node:path';
import { containerConfig } from '../../src/podworker/spec/containerConfig.ts';
import type { NodeFacts } from '../../src/podworker/spec/context.ts';
import { sandboxConfig } from '../../src/podworker/spec/sandboxConfig.ts';
import type { Container, Pod } from '../../src/types/k8s.ts';

const node: NodeFacts = {
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
  return sandboxConfig(pod, { ...common, cgroupParent, attempt: 0, dns });
}

/** The container as kubelet-ts would ask for it, but for volumes and what it does not need to run. */
export function containerRequest(pod: Pod, container: Container, cgroupParent: string, podsDir: string) {
  return containerConfig(
    pod,
    { ...container, volumeMounts: [] },
    {
      ...common,
      cgroupParent,
      restartCount: 0,
      imageRef: container.image ?? '',
      imageUser: { uid: 0 },
      env: [],
      podIPs: [],
      podDir: join(podsDir, pod.metadata?.uid ?? ''),
      volumes: new Map(),
      subPaths: new Map(),
      blockDevices: new Map(),
      imageVolumes: new Map(),
      supportsRecursiveReadOnly: false,
      terminationLogPath: null,
      deviceAllocation: null,
      targetContainerId: null,
      cpusetCpus: '',
      cpusetMems: '',
    },
  );
}
