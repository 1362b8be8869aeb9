import { formatDuration } from '../k8s/duration.ts';
import type { FeatureGates } from './featureGates.ts';
import type { GateName } from './featureGateTable.ts';
import type { KubeletConfiguration } from './kubeletConfiguration.ts';
import type { Problem } from './problem.ts';
import { evictionProblems, reservationProblems } from './validateResources.ts';

type Rule = (config: KubeletConfiguration, gates: FeatureGates) => (Problem | false)[];

/** What no single field can tell: fields against each other and against feature gates. Source: kubelet's config validation. */
export function crossProblems(config: KubeletConfiguration, gates: FeatureGates): Problem[] {
  return RULES.flatMap((rule) => rule(config, gates)).filter((problem) => problem !== false);
}

/** What the configuration asks of the host and the host cannot give. */
export function hostProblems(config: KubeletConfiguration, host: { readonly cgroupV2: boolean }): Problem[] {
  if (host.cgroupV2) return [];
  if (config.failCgroupV1) {
    return [
      at('failCgroupV1', 'is true and this host runs cgroup v1; set it to false (--fail-cgroupv1=false) to run here'),
    ];
  }
  const kill = config.singleProcessOOMKill === false;
  return kill ? [at('singleProcessOOMKill', 'must not be false on a host that runs cgroup v1')] : [];
}

const at = (path: string, sentence: string): Problem => ({ path, sentence });

const imageRules: Rule = (c, gates) => [
  c.imageGCLowThresholdPercent >= c.imageGCHighThresholdPercent &&
    at(
      'imageGCLowThresholdPercent',
      `must be less than imageGCHighThresholdPercent (${c.imageGCHighThresholdPercent}), not ${c.imageGCLowThresholdPercent}`,
    ),
  c.imageMaximumGCAge > 0 &&
    c.imageMaximumGCAge <= c.imageMinimumGCAge &&
    at('imageMaximumGCAge', `must be 0 or more than imageMinimumGCAge (${formatDuration(c.imageMinimumGCAge)})`),
  c.serializeImagePulls &&
    (c.maxParallelImagePulls ?? 1) > 1 &&
    at('maxParallelImagePulls', 'must be 1 or unset while serializeImagePulls (--serialize-image-pulls) is true'),
  c.preloadedImagesVerificationAllowlist.length > 0 &&
    c.imagePullCredentialsVerificationPolicy !== 'NeverVerifyAllowlistedImages' &&
    at(
      'preloadedImagesVerificationAllowlist',
      'must be empty unless imagePullCredentialsVerificationPolicy is NeverVerifyAllowlistedImages',
    ),
  ...gated(c.imageMaximumGCAge !== 0, 'imageMaximumGCAge', 'ImageMaximumGCAge', gates),
];

const podRules: Rule = (c, gates) => [
  c.systemCgroups !== '' &&
    c.cgroupRoot === '' &&
    at('systemCgroups', 'needs cgroupRoot (--cgroup-root) to be set too'),
  ...gated(c.cpuCFSQuotaPeriod !== 100, 'cpuCFSQuotaPeriod', 'CustomCPUCFSQuotaPeriod', gates),
  ...gated(c.memorySwap.swapBehavior !== '', 'memorySwap.swapBehavior', 'NodeSwap', gates),
  ...gated(c.memoryReservationPolicy === 'TieredReservation', 'memoryReservationPolicy', 'MemoryQoS', gates),
  ...gated(
    c.crashLoopBackOff.maxContainerRestartPeriod !== undefined,
    'crashLoopBackOff.maxContainerRestartPeriod',
    'KubeletCrashLoopBackOffMax',
    gates,
  ),
];

const serverRules: Rule = (c, gates) => [
  ...gated(c.serverTLSBootstrap, 'serverTLSBootstrap', 'RotateKubeletServerCertificate', gates),
  ...gated(c.enableSystemLogQuery, 'enableSystemLogQuery', 'NodeLogQuery', gates),
  c.enableSystemLogQuery &&
    !c.enableSystemLogHandler &&
    at('enableSystemLogQuery', 'needs enableSystemLogHandler to be true'),
  (c.tlsCertFile === '') !== (c.tlsPrivateKeyFile === '') &&
    at(
      c.tlsCertFile === '' ? 'tlsPrivateKeyFile' : 'tlsCertFile',
      'needs both tlsCertFile and tlsPrivateKeyFile to be set',
    ),
];

const shutdownRules: Rule = (c, gates) => {
  const total = c.shutdownGracePeriod;
  const critical = c.shutdownGracePeriodCriticalPods;
  const byPriority = c.shutdownGracePeriodByPodPriority.length > 0;
  return [
    critical > total &&
      at(
        'shutdownGracePeriodCriticalPods',
        `must be at most shutdownGracePeriod (${formatDuration(total)}), not ${formatDuration(critical)}`,
      ),
    byPriority &&
      (total > 0 || critical > 0) &&
      at('shutdownGracePeriodByPodPriority', 'and shutdownGracePeriod cannot both be set'),
    ...gated(total > 0 || critical > 0, 'shutdownGracePeriod', 'GracefulNodeShutdown', gates),
    ...gated(byPriority, 'shutdownGracePeriodByPodPriority', 'GracefulNodeShutdownBasedOnPodPriority', gates),
  ];
};

const RULES: readonly Rule[] = [
  imageRules,
  podRules,
  serverRules,
  shutdownRules,
  evictionProblems,
  reservationProblems,
];

/** A field that is set although the gate that it needs is off. */
function gated(isSet: boolean, path: string, gate: GateName, gates: FeatureGates): (Problem | false)[] {
  return [isSet && !gates.enabled(gate) && at(path, `requires the feature gate ${gate}, which is off`)];
}
