import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { knownGates, resolveGates } from './featureGates.ts';
import { UNREAD_GATES } from './gateEffects.ts';

/** Gates that can be set and that kubelet 1.36.3 and the libraries in it read (pkg/kubelet, pkg/volume, cmd/kubelet, client-go, component-base …). */
const KUBELET_READS =
  `LoggingAlphaOptions LoggingBetaOptions AllowDNSOnlyNodeCSR AtomicFIFO CPUManagerPolicyAlphaOptions CPUManagerPolicyBetaOptions CRIListStreaming
  CSIVolumeHealth ChangeContainerStatusOnKubeletRestart ClientsAllowCARotation ClientsAllowCBOR
  ClientsAllowTLSCacheGC ClientsPreferCBOR ClusterTrustBundleProjection ComponentFlagz ComponentStatusz
  ContainerCheckpoint ContainerRestartRules ContainerStopSignals ContextualLogging DRAExtendedResource
  DRAWorkloadResourceClaims DisableCPUQuotaWithExclusiveCPUs EnvFiles EventedPLEG ExtendWebSocketsToKubelet
  GracefulNodeShutdown GracefulNodeShutdownBasedOnPodPriority HostnameOverride ImageVolumeWithDigest
  InOrderInformersBatchProcess InPlacePodLevelResourcesVerticalScaling InPlacePodVerticalScalingExclusiveCPUs
  InPlacePodVerticalScalingExclusiveMemory InPlacePodVerticalScalingInitContainers InformerResourceVersion
  KubeletCrashLoopBackOffMax KubeletEnsureSecretPulledImages KubeletInUserNamespace
  KubeletPodResourcesListUseActivePods KubeletRegistrationGetOnExistsOnly KubeletSeparateDiskGC
  KubeletServiceAccountTokenForCredentialProviders LocalStorageCapacityIsolationFSQuotaMonitoring MemoryQoS
  NativeHistograms NodeDeclaredFeatures PLEGOnDemandRelist PodAndContainerStatsFromCRI PodCertificateRequest
  PodLevelResourceManagers PodLevelResources PodLogsQuerySplitStreams PodReadyToStartContainersCondition PodsAPI
  PreventStaticPodAPIReferences QOSReserved ReduceDefaultCrashLoopBackOffDecay ReloadKubeletClientCAFile
  ReloadKubeletServerCertificateFile ResourceHealthStatus ResourceHealthStatusMessage
  RestartAllContainersOnContainerExits RotateKubeletServerCertificate SELinuxMount
  TaintTolerationComparisonOperators TopologyManagerPolicyAlphaOptions TopologyManagerPolicyBetaOptions
  UnlockWhileProcessingFIFO WatchListClient WindowsCPUAndMemoryAffinity WindowsGracefulNodeShutdown`.split(/\s+/);

const src = join(__dirname, '..');
const source = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter(
    (name) =>
      name.endsWith('.ts') && !/\.test\.ts$|\/(fake|testing)\/|config\/(featureGateTable|gateEffects)/.test(name),
  )
  .map((name) => readFileSync(join(src, name), 'utf8').replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, ''))
  .join('\n');
const isRead = (name: string) => new RegExp(`['"\`]${name}['"\`]`).test(source);
const unread = new Set(Object.keys(UNREAD_GATES));

test.each(KUBELET_READS)('%s is acted on, or stands in the list with what is so instead', (name) => {
  expect({ read: isRead(name), listed: unread.has(name) }).toEqual({
    read: !unread.has(name),
    listed: unread.has(name),
  });
});

test('the list has only gates that kubelet reads and that can be set', () => {
  const settable = new Set(knownGates().flatMap(({ name, locked }) => (locked ? [] : [name])));
  expect([...unread].filter((name) => !KUBELET_READS.includes(name) || !settable.has(name))).toEqual([]);
});

test('one that is set and not acted on warns, also by AllAlpha; its default and other components’ gates do not', () => {
  const warningsOf = (wanted: Record<string, boolean>) => resolveGates(wanted).warnings;
  expect(warningsOf({ EnvFiles: false })).toEqual([
    'feature gate EnvFiles is accepted but not acted on: the feature is built in and cannot be switched off',
  ]);
  expect(warningsOf({ EnvFiles: true, NativeHistograms: false, HPAScaleToZero: true })).toEqual([]);
  expect(warningsOf({ AllAlpha: true, MemoryQoS: false }).join()).toMatch(
    /^feature gate AllAlpha sets some that are not acted on: CRIListStreaming, .*TopologyManagerPolicyAlphaOptions/,
  );
});
