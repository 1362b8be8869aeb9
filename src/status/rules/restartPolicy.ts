import type { Container, ContainerRestartRule, PodSpec } from '../../types/k8s.ts';

/** The first of the container's rules that speaks about this exit code (KEP-5307). */
export function matchingRestartRule(container: Container, exitCode: number): ContainerRestartRule | undefined {
  return container.restartPolicyRules?.find((rule) => {
    if (!rule.exitCodes) return false;
    const listed = rule.exitCodes.values?.includes(exitCode) ?? false;
    if (rule.exitCodes.operator === 'In') return listed;
    return rule.exitCodes.operator === 'NotIn' && !listed;
  });
}

/** Whether a container that ended with this code runs again: its rules, then its own policy, then the Pod's. */
export function restartsAfter(container: Container, spec: PodSpec, exitCode: number): boolean {
  if (container.restartPolicy) {
    // Rules count only together with a policy of the container itself; the API server requires both or none.
    const action = matchingRestartRule(container, exitCode)?.action;
    if (action === 'Restart' || action === 'RestartAllContainers') return true;
    const own = byPolicy(container.restartPolicy, exitCode);
    if (own !== undefined) return own;
  }
  return byPolicy(spec.restartPolicy, exitCode) ?? true;
}

/** Some container of the Pod may ask for all containers to be restarted in place. */
export function canRestartAllContainers(spec: PodSpec): boolean {
  return [...(spec.initContainers ?? []), ...spec.containers].some((container) =>
    container.restartPolicyRules?.some((rule) => rule.action === 'RestartAllContainers'),
  );
}

function byPolicy(policy: string | undefined, exitCode: number): boolean | undefined {
  if (policy === 'Always') return true;
  if (policy === 'OnFailure') return exitCode !== 0;
  if (policy === 'Never') return false;
  return undefined;
}
