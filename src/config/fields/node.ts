import { bool, duration, int32, list, str, strings } from '../schema.ts';
import { notNegative, supported } from './checks.ts';

const TAINT_EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** The Node object and the API client. */
export const nodeFields = {
  registerNode: bool(true, 'Create the Node object', supported),
  registerWithTaints: list(
    {
      key: str('', 'Key of the taint'),
      value: str('', 'Value of the taint'),
      effect: str('', 'What the taint does', { oneOf: TAINT_EFFECTS }),
      timeAdded: str('', 'Must not be set', {
        check: (v) => (v === '' ? undefined : 'must not be set in the configuration'),
      }),
    },
    ['key', 'effect'],
    'Taints of the Node when it is created',
    supported,
  ),
  providerID: str('', 'spec.providerID of the Node', supported),
  nodeStatusUpdateFrequency: duration(10_000, 'How often the status of the Node is computed', {
    ...supported,
    zeroIsUnset: true,
  }),
  nodeStatusReportFrequency: duration(300_000, 'How often an unchanged status is reported', {
    ...supported,
    zeroIsUnset: true,
  }),
  nodeLeaseDurationSeconds: int32(40, 'Seconds of the Lease', { ...supported, min: 1, zeroIsUnset: true }),
  nodeStatusMaxImages: int32(50, 'Images reported in the status; -1 means all', { ...supported, min: -1 }),
  maxPods: int32(110, 'Pods that may run here', { ...supported, min: 0, zeroIsUnset: true }),
  podsPerCore: int32(0, 'Pods per core; 0 means no such limit', { ...supported, ...notNegative }),
  contentType: str('application/vnd.kubernetes.protobuf', 'Encoding of API requests; this client speaks JSON', {
    support: 'different',
    zeroIsUnset: true,
  }),
  kubeAPIQPS: int32(50, 'API requests a second', { ...supported, ...notNegative }),
  kubeAPIBurst: int32(100, 'API requests in a burst', { ...supported, ...notNegative, zeroIsUnset: true }),
  eventRecordQPS: int32(50, 'Events a second; 0 means no limit', { ...supported, ...notNegative }),
  eventBurst: int32(100, 'Events in a burst', { ...supported, ...notNegative, zeroIsUnset: true }),
  enableControllerAttachDetach: bool(true, 'Leave attaching of volumes to the controller', supported),
  volumePluginDir: str('/usr/libexec/kubernetes/kubelet-plugins/volume/exec/', 'Directory of FlexVolume plugins', {
    ...supported,
    zeroIsUnset: true,
  }),
  volumeStatsAggPeriod: duration(60_000, 'How often volumes are measured; negative disables it', {
    ...supported,
    zeroIsUnset: true,
  }),
  localStorageCapacityIsolation: bool(true, 'Account and limit ephemeral storage', supported),
  configMapAndSecretChangeDetectionStrategy: str('Watch', 'How ConfigMaps and Secrets are kept current', {
    oneOf: ['Get', 'Cache', 'Watch'],
    zeroIsUnset: true,
  }),
  clusterDomain: str('', 'DNS domain of the cluster', supported),
  clusterDNS: strings([], 'IP addresses of the DNS servers of the cluster', supported),
  resolvConf: str('/etc/resolv.conf', "The node's resolver configuration that Pods start from", {
    ...supported,
    relativeToFile: true,
  }),
} as const;
