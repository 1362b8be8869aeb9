import { named } from '../../lib/named.ts';
import type { Container, PodSpec, PodStatus } from '../../types/k8s.ts';
import type { StatusInput } from './input.ts';
import { previousStatus } from './input.ts';
import { matchingRestartRule } from './restartPolicy.ts';

/** What is known about a restart of all containers in place (KEP-5532). */
export interface RestartAll {
  /** Containers that are gone were removed on purpose. Still true on the turn that sees the last one gone. */
  readonly restarting: boolean;
  /** Value of the condition AllContainersRestarting. */
  readonly condition: boolean;
}

/** The worker's word if it gave one; else concluded from exit codes and the previous condition. */
export function restartAllState(input: StatusInput, spec: PodSpec): RestartAll {
  const wanted = wasRestarting(previousStatus(input)) || askedFor(input, spec);
  // A Pod that is being ended restarts nothing: what is gone then is simply gone.
  const restarting = !input.terminating && (input.restartAllContainers === true || wanted);
  const condition = input.restartAllContainers ?? (wanted && someContainerLeft(input, spec));
  return { restarting, condition };
}

function wasRestarting(before: PodStatus): boolean {
  return before.conditions?.some((c) => c.type === 'AllContainersRestarting' && c.status === 'True') ?? false;
}

function askedFor(input: StatusInput, spec: PodSpec): boolean {
  return allContainers(spec).some((container) => {
    const newest = named(input.runtime?.containers, container.name);
    if (newest?.state !== 'exited') return false;
    return matchingRestartRule(container, newest.exitCode)?.action === 'RestartAllContainers';
  });
}

function someContainerLeft(input: StatusInput, spec: PodSpec): boolean {
  if (!input.runtime) return true;
  const names = new Set(allContainers(spec).map((c) => c.name));
  return input.runtime.containers.some((c) => names.has(c.name));
}

function allContainers(spec: PodSpec): Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}
