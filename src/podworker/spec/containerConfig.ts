import type { ContainerConfig, KeyValue, Signal } from '../../cri/generated/runtime.ts';
import type { AllocatedPod, Container } from '../../types/k8s.ts';
import { containerAnnotations } from './annotations.ts';
import { containerResources } from './containerResources.ts';
import type { ContainerContext } from './context.ts';
import { cdiDevices, containerDevices } from './devices.ts';
import type { ResolvedVariable } from './envTypes.ts';
import { expand } from './expansion.ts';
import { containerLabels } from './labels.ts';
import { containerLogPath } from './logPaths.ts';
import { containerMounts, withIdMappings } from './mounts.ts';
import { verifyRunAsNonRoot } from './runAsNonRoot.ts';
import { containerSecurityContext } from './securityContext.ts';
import { SpecError } from './specError.ts';
import { stopSignal } from './stopSignal.ts';

/**
 * A container as the runtime is to create it, field by field what the Go kubelet asks for (generateContainerConfig).
 * Works for regular, init and ephemeral containers. Throws SpecError with the sentence for the waiting state of reason
 * CreateContainerConfigError.
 */
export function containerConfig(pod: AllocatedPod, container: Container, context: ContainerContext): ContainerConfig {
  const env = [...(context.deviceAllocation?.env ?? []), ...context.env];
  const devices = containerDevices(container, context.deviceAllocation, context.blockDevices);
  const mounts = containerMounts(pod, container, context, env);
  const rootProblem = verifyRunAsNonRoot(pod, container, context.imageUser);
  if (rootProblem !== null) throw new SpecError(rootProblem);
  const values = new Map(env.map(({ name, value }) => [name, value]));
  const expanded = (text: string) => expand(text, (name) => values.get(name));
  const securityContext = containerSecurityContext(pod, container, {
    ...context.node,
    userNamespace: context.userNamespace,
    volumeGroups: context.volumeGroups,
    imageUser: context.imageUser,
    targetContainerId: context.targetContainerId,
  });
  return {
    metadata: { name: container.name, attempt: context.restartCount },
    image: { image: context.imageRef, userSpecifiedImage: container.image ?? '' },
    command: (container.command ?? []).map(expanded),
    args: (container.args ?? []).map(expanded),
    workingDir: container.workingDir ?? '',
    envs: env.map(keyValue),
    mounts: withIdMappings(mounts, securityContext.namespaceOptions),
    devices,
    CDIDevices: cdiDevices(context.deviceAllocation),
    labels: containerLabels(pod, container.name),
    annotations: containerAnnotations(pod, container, context.restartCount, context.deviceAllocation?.annotations),
    logPath: containerLogPath(container.name, context.restartCount),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    stopSignal: wantedStopSignal(container, context),
    linux: { resources: containerResources(pod, container, context), securityContext },
  };
}

function keyValue({ name, value, raw }: ResolvedVariable): KeyValue {
  return { key: name, value: raw ?? Buffer.from(value, 'utf8') };
}

function wantedStopSignal(container: Container, { node }: ContainerContext): Signal {
  return node.containerStopSignals ? stopSignal(container.lifecycle?.stopSignal) : 'RUNTIME_DEFAULT';
}
