// Resizes of running Pods, as kubectl asks for them and waits for their end.
import assert from 'node:assert/strict';
import type { Container, Pod, ResourceRequirements } from '../../src/types/k8s.ts';
import { cgroupValues } from './cgroupValues.ts';
import { container, podUrl } from './pods.ts';
import type { TestContext } from './test.ts';

const Mi = 1024 * 1024;

/** Requests and limits alike. */
export const both = (cpu: string, memory: string): ResourceRequirements => ({
  requests: { cpu, memory },
  limits: { cpu, memory },
});

/** `kubectl patch --subresource resize`. */
export async function resize(
  t: TestContext,
  name: string,
  resources: Record<string, ResourceRequirements>,
): Promise<Pod> {
  const now = await t.lab.api.get<Pod>(podUrl(t, name));
  const change = (list: readonly Container[] = []) =>
    list.map((one) => (resources[one.name] ? { ...one, resources: resources[one.name] } : one));
  const spec = {
    containers: change(now.spec?.containers),
    ...(now.spec?.initContainers && { initContainers: change(now.spec.initContainers) }),
  };
  return t.lab.api.patch<Pod>(`${podUrl(t, name)}/resize`, { spec });
}

/** What its status says of a resize that is not over. */
export const resizeConditions = (of: Pod) =>
  (of.status?.conditions ?? []).filter(({ type }) => type === 'PodResizePending' || type === 'PodResizeInProgress');

/** As kubectl and the scheduler see that a resize is over. */
export function untilResized(t: TestContext, name: string, generation = 0): Promise<Pod> {
  return t.lab.pods.until(`the resize of ${name} to be over`, () => {
    const now = t.lab.pods.get(t.namespace, name);
    const { status, metadata } = now ?? {};
    if (!now || (metadata?.generation ?? 0) < generation) return undefined;
    const isKnown = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
    const isReady = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True');
    return isKnown && isReady && resizeConditions(now).length === 0 ? now : undefined;
  });
}

/** A container has just this: in its status, as allocated, and in its cgroup; milli-CPUs and MiB. */
export function assertGiven(
  t: TestContext,
  of: Pod,
  name: string,
  { cpu, memory }: { cpu: number; memory: number },
): void {
  const status = container(of, name);
  assert.equal(status?.resources?.limits?.cpu, `${cpu}m`, `${name}: the CPU limit in its status`);
  assert.equal(status?.resources?.limits?.memory, `${memory}Mi`, `${name}: the memory limit in its status`);
  assert.deepEqual(status?.allocatedResources, { cpu: `${cpu}m`, memory: `${memory}Mi` });
  const { quota, memory: bytes } = cgroupValues(t.lab, status?.containerID?.replace('containerd://', '') ?? '');
  assert.deepEqual([quota, bytes], [cpu * 100, memory * Mi], `${name}: the limits of its cgroup`);
}

/** The cgroup of the Pod has just this. */
export function assertPod(t: TestContext, of: Pod, { cpu, memory }: { cpu: number; memory: number }): void {
  const { quota, memory: bytes } = cgroupValues(t.lab, `pod${of.metadata?.uid}`);
  assert.deepEqual([quota, bytes], [cpu * 100, memory * Mi], "the limits of the Pod's cgroup");
}
