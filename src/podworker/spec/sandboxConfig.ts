import type { PodSandboxConfig } from '../../cri/generated/runtime.ts';
import { normalizeSysctl } from '../../k8s/sysctlName.ts';
import type { AllocatedPod } from '../../types/k8s.ts';
import type { SandboxContext } from './context.ts';
import { podDnsConfig } from './dns.ts';
import { sandboxHostname } from './hostname.ts';
import { sandboxLabels } from './labels.ts';
import { podLogDirectory } from './logPaths.ts';
import { portMappings } from './portMappings.ts';
import { overheadResources, sandboxResources } from './sandboxResources.ts';
import { sandboxSecurityContext } from './securityContext.ts';

/**
 * The sandbox that a Pod needs, field by field what the Go kubelet asks for (generatePodSandboxConfig).
 * Throws SpecError with the reason; the event then reads `Failed to create pod sandbox: <reason>`.
 */
export function sandboxConfig(pod: AllocatedPod, context: SandboxContext): PodSandboxConfig {
  const { name = '', namespace = '', uid = '', annotations = {} } = pod.metadata ?? {};
  const { servers, searches, options } = podDnsConfig(pod, context.dns);
  const sysctls = (pod.spec?.securityContext?.sysctls ?? []).map((s) => [normalizeSysctl(s.name), s.value] as const);
  return {
    metadata: { name, namespace, uid, attempt: context.attempt },
    hostname: sandboxHostname(pod, context.dns.clusterDomain),
    logDirectory: podLogDirectory(context.node.podLogsRoot, pod),
    dnsConfig: { servers: [...servers], searches: [...searches], options: [...options] },
    portMappings: portMappings(pod),
    labels: sandboxLabels(pod),
    annotations: { ...annotations },
    linux: {
      cgroupParent: context.cgroupParent,
      sysctls: Object.fromEntries(sysctls),
      securityContext: sandboxSecurityContext(pod, {
        ...context.node,
        userNamespace: context.userNamespace,
        volumeGroups: context.volumeGroups,
      }),
      resources: sandboxResources(pod, context),
      overhead: overheadResources(pod, context.node),
    },
  };
}
