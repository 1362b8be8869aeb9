import { type ConfigPath, FIELD_BY_PATH } from './kubeletConfiguration.ts';
import { optionFields } from './options.ts';
import type { Field } from './schema.ts';

/** How the text of a flag is read where the kind of its field does not say it. */
export type Syntax = 'commaMap' | 'singleMap' | 'lessThanMap' | 'headers' | 'taints' | 'reservedMemory' | 'vmodule';

/** One command-line flag. */
export interface Flag {
  /** Name without dashes. */
  readonly name: string;
  /** Path of the configuration field it sets; undefined for a flag that is no field. */
  readonly path?: string;
  readonly row: Field<unknown>;
  readonly syntax?: Syntax;
  /** Deprecated by kubelet 1.36 in favour of the configuration file (no warning here: every kubeadm node uses some). */
  readonly deprecated: boolean;
}

/** Flags that set a configuration field, as flag, field and syntax. Source: AddKubeletConfigFlags of kubelet 1.36.3. */
const CONFIG_FLAGS = [
  ['enable-server', 'enableServer'],
  ['fail-swap-on', 'failSwapOn'],
  ['pod-manifest-path', 'staticPodPath'],
  ['sync-frequency', 'syncFrequency'],
  ['file-check-frequency', 'fileCheckFrequency'],
  ['http-check-frequency', 'httpCheckFrequency'],
  ['manifest-url', 'staticPodURL'],
  ['manifest-url-header', 'staticPodURLHeader', 'headers'],
  ['address', 'address'],
  ['port', 'port'],
  ['read-only-port', 'readOnlyPort'],
  ['fail-cgroupv1', 'failCgroupV1'],
  ['container-runtime-endpoint', 'containerRuntimeEndpoint'],
  ['image-service-endpoint', 'imageServiceEndpoint'],
  ['anonymous-auth', 'authentication.anonymous.enabled'],
  ['authentication-token-webhook', 'authentication.webhook.enabled'],
  ['authentication-token-webhook-cache-ttl', 'authentication.webhook.cacheTTL'],
  ['client-ca-file', 'authentication.x509.clientCAFile'],
  ['authorization-mode', 'authorization.mode'],
  ['authorization-webhook-cache-authorized-ttl', 'authorization.webhook.cacheAuthorizedTTL'],
  ['authorization-webhook-cache-unauthorized-ttl', 'authorization.webhook.cacheUnauthorizedTTL'],
  ['tls-cert-file', 'tlsCertFile'],
  ['tls-private-key-file', 'tlsPrivateKeyFile'],
  ['rotate-server-certificates', 'serverTLSBootstrap'],
  ['tls-cipher-suites', 'tlsCipherSuites'],
  ['tls-min-version', 'tlsMinVersion'],
  ['rotate-certificates', 'rotateCertificates'],
  ['registry-qps', 'registryPullQPS'],
  ['registry-burst', 'registryBurst'],
  ['event-qps', 'eventRecordQPS'],
  ['event-burst', 'eventBurst'],
  ['enable-debugging-handlers', 'enableDebuggingHandlers'],
  ['contention-profiling', 'enableContentionProfiling'],
  ['healthz-port', 'healthzPort'],
  ['healthz-bind-address', 'healthzBindAddress'],
  ['oom-score-adj', 'oomScoreAdj'],
  ['cluster-domain', 'clusterDomain'],
  ['volume-plugin-dir', 'volumePluginDir'],
  ['cluster-dns', 'clusterDNS'],
  ['streaming-connection-idle-timeout', 'streamingConnectionIdleTimeout'],
  ['node-status-update-frequency', 'nodeStatusUpdateFrequency'],
  ['minimum-image-ttl-duration', 'imageMinimumGCAge'],
  ['image-gc-high-threshold', 'imageGCHighThresholdPercent'],
  ['image-gc-low-threshold', 'imageGCLowThresholdPercent'],
  ['volume-stats-agg-period', 'volumeStatsAggPeriod'],
  ['feature-gates', 'featureGates'],
  ['kubelet-cgroups', 'kubeletCgroups'],
  ['system-cgroups', 'systemCgroups'],
  ['provider-id', 'providerID'],
  ['cgroups-per-qos', 'cgroupsPerQOS'],
  ['cgroup-driver', 'cgroupDriver'],
  ['cgroup-root', 'cgroupRoot'],
  ['cpu-manager-policy', 'cpuManagerPolicy'],
  ['cpu-manager-policy-options', 'cpuManagerPolicyOptions', 'singleMap'],
  ['cpu-manager-reconcile-period', 'cpuManagerReconcilePeriod'],
  ['qos-reserved', 'qosReserved'],
  ['topology-manager-policy', 'topologyManagerPolicy'],
  ['runtime-request-timeout', 'runtimeRequestTimeout'],
  ['hairpin-mode', 'hairpinMode'],
  ['max-pods', 'maxPods'],
  ['pod-cidr', 'podCIDR'],
  ['pod-max-pids', 'podPidsLimit'],
  ['resolv-conf', 'resolvConf'],
  ['runonce', 'runOnce'],
  ['cpu-cfs-quota', 'cpuCFSQuota'],
  ['cpu-cfs-quota-period', 'cpuCFSQuotaPeriod'],
  ['enable-controller-attach-detach', 'enableControllerAttachDetach'],
  ['make-iptables-util-chains', 'makeIPTablesUtilChains'],
  ['container-log-max-size', 'containerLogMaxSize'],
  ['container-log-max-files', 'containerLogMaxFiles'],
  ['allowed-unsafe-sysctls', 'allowedUnsafeSysctls'],
  ['node-status-max-images', 'nodeStatusMaxImages'],
  ['kernel-memcg-notification', 'kernelMemcgNotification'],
  ['local-storage-capacity-isolation', 'localStorageCapacityIsolation'],
  ['max-open-files', 'maxOpenFiles'],
  ['kube-api-content-type', 'contentType'],
  ['kube-api-qps', 'kubeAPIQPS'],
  ['kube-api-burst', 'kubeAPIBurst'],
  ['serialize-image-pulls', 'serializeImagePulls'],
  ['eviction-hard', 'evictionHard', 'lessThanMap'],
  ['eviction-soft', 'evictionSoft', 'lessThanMap'],
  ['eviction-soft-grace-period', 'evictionSoftGracePeriod'],
  ['eviction-pressure-transition-period', 'evictionPressureTransitionPeriod'],
  ['eviction-max-pod-grace-period', 'evictionMaxPodGracePeriod'],
  ['eviction-minimum-reclaim', 'evictionMinimumReclaim'],
  ['pods-per-core', 'podsPerCore'],
  ['protect-kernel-defaults', 'protectKernelDefaults'],
  ['reserved-cpus', 'reservedSystemCPUs'],
  ['topology-manager-scope', 'topologyManagerScope'],
  ['topology-manager-policy-options', 'topologyManagerPolicyOptions'],
  ['system-reserved', 'systemReserved'],
  ['kube-reserved', 'kubeReserved'],
  ['enforce-node-allocatable', 'enforceNodeAllocatable'],
  ['system-reserved-cgroup', 'systemReservedCgroup'],
  ['kube-reserved-cgroup', 'kubeReservedCgroup'],
  ['logging-format', 'logging.format'],
  ['log-flush-frequency', 'logging.flushFrequency'],
  ['v', 'logging.verbosity'],
  ['vmodule', 'logging.vmodule', 'vmodule'],
  ['log-text-split-stream', 'logging.options.text.splitStream'],
  ['log-text-info-buffer-size', 'logging.options.text.infoBufferSize'],
  ['log-json-split-stream', 'logging.options.json.splitStream'],
  ['log-json-info-buffer-size', 'logging.options.json.infoBufferSize'],
  ['memory-manager-policy', 'memoryManagerPolicy'],
  ['reserved-memory', 'reservedMemory', 'reservedMemory'],
  ['register-node', 'registerNode'],
  ['register-with-taints', 'registerWithTaints', 'taints'],
  ['seccomp-default', 'seccompDefault'],
] as const satisfies readonly (readonly [flag: string, field: ConfigPath, syntax?: Syntax])[];

const NOT_DEPRECATED = new Set([
  'v',
  'vmodule',
  'log-flush-frequency',
  'provider-id',
  'fail-cgroupv1',
  'seccomp-default',
]);

const configFlags: Flag[] = CONFIG_FLAGS.map(([name, path, syntax]): Flag => {
  const row = FIELD_BY_PATH.get(path) as Field<unknown>;
  return { name, path, row, deprecated: !NOT_DEPRECATED.has(name), ...(syntax && { syntax }) };
});

/** Name of the flag that sets an option: `nodeIP` is `node-ip`, `tsGateLimit` is `ts-gate-limit`. */
export function flagName(option: string): string {
  return option.replace(/[A-Z]+/g, (capitals) => `-${capitals.toLowerCase()}`);
}

const optionFlags: Flag[] = Object.entries(optionFields).map(([option, row]) => ({
  name: flagName(option),
  row,
  deprecated: false,
}));

/** Every flag by name. */
export const FLAGS: ReadonlyMap<string, Flag> = new Map(
  [...optionFlags, ...configFlags].map((flag) => [flag.name, flag]),
);
