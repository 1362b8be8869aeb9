import { built, differs, open, type Part } from './part.ts';

/** The node: configuration, feature gates, managers, the Node object. */
export const NODE: readonly Part[] = [
  built(
    'Defaults of evictionHard are filled in before the drop-ins',
    'src/config/load.test.ts',
    'defaults of evictionHard are merged into the file, before the drop-ins',
  ),
  differs('Defaults without --config', 'Without `--config` the defaults are those of a configuration file'),
  differs('enableContentionProfiling', 'so enableContentionProfiling changes nothing'),
  built('Tracing', 'src/config/load.test.ts', 'tracing: absent unless given, with kubelet’s limits'),
  open('JSON logs with caller and v', 'logging', 'lines have level, message and fields'),
  open('logging.vmodule', 'logging', 'its patterns are files of Go code; accepted with a warning'),
  open('splitStream and infoBufferSize', 'logging', 'every line goes to standard error; accepted with a warning'),
  differs('logging.flushFrequency', '`flushFrequency` of logging (lines are written at once)'),
  differs('showHiddenMetricsForVersion', '`showHiddenMetricsForVersion` (no metric is hidden)'),
  built(
    'podCIDR of a node without an API server',
    'src/node/podCidr.test.ts',
    'the runtime hears of the Node’s addresses once, and of new ones',
  ),
  differs('contentType', '`contentType` (requests are JSON)'),
  built(
    'imagePullCredentialsVerificationPolicy and its allow list',
    'src/config/load.test.ts',
    'who may use an image is decided by %s without a warning',
  ),
  built(
    'The cgroup driver of the runtime',
    'src/cgroups/open.test.ts',
    'the runtime’s driver wins over the configured one',
  ),
  differs(
    'A runtime that is not up at the start',
    'A runtime that is not up at the start is waited for until it tells its cgroup driver',
  ),
  built(
    'cgroupsPerQOS: false',
    'src/cgroups/withoutPodCgroups.test.ts',
    'cgroupsPerQOS: false: no cgroup is made, written or destroyed',
  ),
  differs('kubeletCgroups and systemCgroups', '`kubeletCgroups` and `systemCgroups` (no process is moved'),
  built(
    'memoryThrottlingFactor and memoryReservationPolicy',
    'src/agent/metrics/qosMetrics.test.ts',
    'memory that is kept, with tieredReservation %j',
  ),
  built('userNamespaces.idsPerPod', 'src/userns/recorded.test.ts', 'as the Go kubelet does'),
  built(
    'Eviction settings',
    'src/node/eviction/rules/thresholds.test.ts',
    'soft ones have a grace, hard ones none; the minimum reclaim is that of the signal',
  ),
  differs('kernelMemcgNotification', 'kernelMemcgNotification adds memory.events'),
  built(
    'Reservations that are larger than the machine',
    'src/node/rules/capacity.test.ts',
    'of more than the machine has are refused in kubelet’s words, evictionHard counted',
  ),
  built(
    'qosReserved',
    'src/cgroups/manager.test.ts',
    'a class that uses more than is left for it gets no more than that',
  ),
  built(
    'reservedSystemCPUs and reservedMemory',
    'src/ledger/managers/managers.test.ts',
    'settings that do not fit are refused in Go’s words',
  ),
  built(
    'CPU, memory and topology policies',
    'src/ledger/rules/topology/recorded.test.ts',
    '10,000 machines: CPUs, memory and refusals are those of the Go kubelet',
  ),
  built(
    'shutdownGracePeriod in its three forms',
    'src/node/shutdown/rules/rules.test.ts',
    'by priority, lowest first; not while the gate is off',
  ),
  differs('--experimental-mounter-path', '`--experimental-mounter-path`'),
  differs('--housekeeping-interval', '`--housekeeping-interval`'),
  built(
    '--image-credential-provider-config',
    'src/agent/stages/images.test.ts',
    'providers are asked for what no Secret gives; a configuration that is none ends the start',
  ),
  built(
    'Every feature gate is acted on, or listed with what is so instead',
    'src/config/gateEffects.test.ts',
    '%s is acted on, or stands in the list with what is so instead',
  ),
  built(
    'What is marked as supported is read',
    'src/config/support.test.ts',
    'what is marked as supported is read, at least by its own name',
  ),
  built(
    'kubernetes_feature_enabled',
    'src/agent/metrics/agentMetrics.test.ts',
    'feature gates and the build, with the labels that dashboards select by',
  ),
  built('Conditions of pressure', 'src/node/rules/conditions.test.ts', 'pressure comes and goes'),
  built('declaredFeatures are built features', 'src/node/rules/runtimeFact.test.ts', 'handlers, features and images'),
  built(
    'The node shuts down: not ready, and no Pods are admitted',
    'src/node/shutdown/nodeShutdown.test.ts',
    'called off: no further group ends, the node is back, the lock stays',
  ),
  built(
    'What device plug-ins of before left is 0 until they register',
    'src/node/localNode.test.ts',
    'has none of what device plug-ins had registered, and all that an administrator advertised',
  ),
  built(
    'Device plug-ins: registration, health, checkpoint',
    'src/devices/deviceManager.test.ts',
    'Go reads what was written, and what Go wrote is read and kept',
  ),
  built(
    'Dynamic resource allocation: drivers, slices, health',
    'src/dra/resourceSlices.test.ts',
    'at the start all of this node’s go, and it is tried until it succeeds',
  ),
  built('podresources', 'src/devices/podResources/server.test.ts', 'List tells what running Pods hold'),
  built(
    'The number of tasks that the machine can have',
    'src/node/eviction/readers.test.ts',
    'every signal of this machine is read and can be',
  ),
  built(
    'QoS cgroups are set anew each minute',
    'src/cgroups/keepQos.test.ts',
    'each minute they are set anew, until the end',
  ),
  built(
    'Admission under pressure',
    'src/node/eviction/pressure.test.ts',
    'conditions of an earlier process are told on, and admission hears of each change',
  ),
  built(
    'State files of CPU and memory managers',
    'src/ledger/managers/managers.test.ts',
    'policy none: files as the Go kubelet writes them',
  ),
  built('Records of images in the Go kubelet’s form', 'src/images/goImageRecords.test.ts', 'Go'),
  built(
    'dra_manager_state in the Go kubelet’s form',
    'src/dra/book.test.ts',
    'a file of the Go kubelet is taken, and written as it was',
  ),
  built('Events of the node without a UID', 'src/events/recorder.test.ts', 'writes what kubectl describe shows'),
  built(
    'CgroupV1 and other warnings of the start',
    'src/events/kubeletEvents.test.ts',
    'the list is what docs/differences.md says',
  ),
  open(
    'AllowDNSOnlyNodeCSR, ChangeContainerStatusOnKubeletRestart, KubeletRegistrationGetOnExistsOnly',
    'feature gates',
    'deprecated gates, off by default, that bring an older behaviour back',
  ),
  open(
    'CRIListStreaming, DRAWorkloadResourceClaims, KubeletInUserNamespace, TaintTolerationComparisonOperators, TopologyManagerPolicyAlphaOptions',
    'feature gates',
    'alpha, off by default; one that is set warns',
  ),
  open('ClientsAllowCBOR, WatchListClient', 'API client', 'requests are JSON, lists come in pages'),
  open(
    'LocalStorageCapacityIsolationFSQuotaMonitoring',
    'stats',
    'beta, off by default: volumes are measured by walking them',
  ),
  open('NativeHistograms, LoggingAlphaOptions', 'feature gates', 'alpha, off by default'),
  open('CRI-O as a second runtime', 'CRI', 'only containerd is run by the tests'),
];
