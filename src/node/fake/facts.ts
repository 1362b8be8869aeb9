import type { NodeSettings, NodeStatusFacts } from '../types.ts';

/** Settings of a plain node, for tests. */
export const testSettings: NodeSettings = {
  nodeName: 'node-1',
  hostname: 'node-1',
  nodeIPs: [],
  externalCloud: false,
  labels: {},
  taints: [],
  controllerAttachDetach: true,
  maxPods: 110,
  podsPerCore: 0,
  kubeReserved: {},
  systemReserved: {},
  evictionHard: {},
  kubeletPort: 10250,
  maxImages: 50,
  localStorageIsolation: true,
  enabledGates: [],
};

/** Facts of a healthy node, for tests. */
export const testFacts: NodeStatusFacts = {
  machine: {
    machineID: 'machine',
    systemUUID: 'system',
    bootID: 'boot-1',
    kernelVersion: '6.1.0',
    osImage: 'Debian GNU/Linux 12 (bookworm)',
    architecture: 'amd64',
    cores: 4,
    memoryBytes: 8 * 2 ** 30,
    swapBytes: 0,
    hugePages: {},
    rootfsBytes: 61255492 * 1024,
  },
  addresses: {
    local: ['127.0.0.1', '10.0.0.1', '10.0.0.2', 'fd00::1'],
    resolved: [],
    defaultIPv4: '10.0.0.1',
    defaultIPv6: 'fd00::1',
  },
  runtime: {
    runtimeReady: true,
    networkReady: true,
    errors: [],
    networkErrors: [],
    handlers: [{ name: '', recursiveReadOnlyMounts: true, userNamespaces: true }],
    features: { supplementalGroupsPolicy: true, userNamespacesHostNetwork: false },
  },
  runtimeVersion: 'containerd://2.1.4',
  images: [],
  pressure: { memory: false, disk: false, pid: false },
  notReady: [],
  warnings: [],
};
