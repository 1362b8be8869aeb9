import { allocatedAsAsked } from '../../pods/rules/allocation.ts';
import type { AllocatedPod, Container, Pod, PodSpec } from '../../types/k8s.ts';
import type { ContainerContext, SandboxContext, SpecNode } from './context.ts';
import type { EnvLookups } from './envTypes.ts';

// Plain values for the tests of this folder.

export const NODE: SpecNode = {
  cgroupVersion: 2,
  cpuCFSQuota: true,
  cpuCFSQuotaPeriod: 100_000,
  memoryCapacity: 10_000_000_000,
  swapCapacity: 5_000_000_000,
  hugePageSizes: ['2MB', '1GB'],
  singleProcessOOMKill: false,
  swapControllerAvailable: false,
  swapBehavior: '',
  thermalThrottlePaths: [],
  seLinuxEnabled: false,
  seccompDefault: false,
  seccompRoot: '/var/lib/kubelet/seccomp',
  podLogsRoot: '/var/log/pods',
  containerStopSignals: false,
};

export const SANDBOX_CONTEXT: SandboxContext = {
  node: NODE,
  cgroupParent: '/kubepods/poduid',
  userNamespace: null,
  volumeGroups: [],
  attempt: 0,
  dns: { hostResolvConf: '', clusterDNS: ['10.0.0.10'], clusterDomain: 'cluster.local', nodeIPs: [] },
  exclusiveCPUs: false,
};

export const CONTAINER_CONTEXT: ContainerContext = {
  node: NODE,
  cgroupParent: '/kubepods/poduid',
  userNamespace: null,
  volumeGroups: [],
  restartCount: 0,
  imageRef: 'sha256:abc',
  imageUser: { uid: 0 },
  env: [],
  podIPs: [],
  podDir: '/var/lib/kubelet/pods/uid',
  volumes: new Map(),
  subPaths: new Map(),
  blockDevices: new Map(),
  imageVolumes: new Map(),
  supportsRecursiveReadOnly: false,
  terminationLogPath: null,
  deviceAllocation: null,
  targetContainerId: null,
  exclusiveCPUs: false,
  cpusetCpus: '',
  cpusetMems: '',
};

export const LOOKUPS: EnvLookups = {
  hasApiServer: true,
  configMaps: new Map(),
  secrets: new Map(),
  services: [],
  files: new Map(),
  hostIPs: ['192.168.0.1', 'fd00::1'],
  podIPs: ['10.0.0.1', 'fd00::2'],
  allocatable: { cpu: '4', memory: '8Gi' },
};

/** A Pod named p of the namespace ns, as the API server defaults it. */
export function testPod(spec: Partial<PodSpec> = {}, metadata: Pod['metadata'] = {}): AllocatedPod {
  return allocatedAsAsked({
    metadata: { name: 'p', namespace: 'ns', uid: 'uid', ...metadata },
    spec: { containers: [], enableServiceLinks: true, securityContext: {}, dnsPolicy: 'ClusterFirst', ...spec },
  });
}

/** A container named c with the image i. */
export function testContainer(more: Partial<Container> = {}): Container {
  return { name: 'c', image: 'i', ...more };
}
