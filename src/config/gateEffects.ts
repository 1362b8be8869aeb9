import type { GateName } from './featureGateTable.ts';

const BUILT_IN = 'the feature is built in and cannot be switched off';
const NOT_BUILT = 'the feature is not built';
const NO_SUCH_PART = 'it is about a part of the Go kubelet that this program does not have';

/**
 * Gates that kubelet 1.36 reads and this program does not, with what stands in place of the choice. One that is set away from its default
 * is warned of. Gates in neither this table nor the code are other components': they change nothing in the Go kubelet either.
 */
export const UNREAD_GATES: Readonly<Partial<Record<GateName, string>>> = {
  AllowDNSOnlyNodeCSR: NOT_BUILT,
  AtomicFIFO: NO_SUCH_PART,
  CRIListStreaming: NOT_BUILT,
  ChangeContainerStatusOnKubeletRestart: NOT_BUILT,
  ClientsAllowCARotation: BUILT_IN,
  ClientsAllowCBOR: NOT_BUILT,
  ClientsAllowTLSCacheGC: NO_SUCH_PART,
  ClientsPreferCBOR: NOT_BUILT,
  ContainerCheckpoint: BUILT_IN,
  ContainerRestartRules: BUILT_IN,
  ContextualLogging: NO_SUCH_PART,
  DRAExtendedResource: BUILT_IN,
  DRAWorkloadResourceClaims: NOT_BUILT,
  EnvFiles: BUILT_IN,
  EventedPLEG: 'the runtime’s events are followed in any case',
  ExtendWebSocketsToKubelet: 'streams pass unread to the runtime',
  InOrderInformersBatchProcess: NO_SUCH_PART,
  InformerResourceVersion: NO_SUCH_PART,
  KubeletInUserNamespace: NOT_BUILT,
  KubeletRegistrationGetOnExistsOnly: NOT_BUILT,
  KubeletSeparateDiskGC: BUILT_IN,
  LocalStorageCapacityIsolationFSQuotaMonitoring: NOT_BUILT,
  LoggingAlphaOptions: NOT_BUILT,
  LoggingBetaOptions: 'JSON needs no gate here',
  NativeHistograms: NOT_BUILT,
  NodeDeclaredFeatures: BUILT_IN,
  PLEGOnDemandRelist: NO_SUCH_PART,
  PodLogsQuerySplitStreams: BUILT_IN,
  PodReadyToStartContainersCondition: BUILT_IN,
  ReloadKubeletClientCAFile: BUILT_IN,
  ReloadKubeletServerCertificateFile: BUILT_IN,
  TaintTolerationComparisonOperators: NOT_BUILT,
  TopologyManagerPolicyAlphaOptions: NOT_BUILT,
  TopologyManagerPolicyBetaOptions: BUILT_IN,
  UnlockWhileProcessingFIFO: NO_SUCH_PART,
  WatchListClient: NOT_BUILT,
  WindowsCPUAndMemoryAffinity: NO_SUCH_PART,
  WindowsGracefulNodeShutdown: NO_SUCH_PART,
};
