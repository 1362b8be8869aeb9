// Short ways to write Pods and to wait for them.
import type { Container, ContainerStatus, Pod, PodSpec } from '../../src/types/k8s.ts';
import { patience } from './collection.ts';
import type { TestContext } from './test.ts';

export const image = 'docker.io/library/busybox:1.37';

/** A container that runs a shell script; SIGTERM ends it at once when the script uses `pause`. */
export function shell(name: string, script: string, more: Partial<Container> = {}): Container {
  return { name, image, command: ['sh', '-c', script], ...more } as Container;
}

/** Script text that waits until somebody ends the container, and then ends at once with code 0. */
export const rest = "trap 'exit 0' TERM; while true; do sleep 3600 & wait $!; done";

/** A Pod bound to the lab's node. */
export function pod(t: TestContext, name: string, spec: Partial<PodSpec>, metadata: object = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: t.namespace, ...metadata },
    spec: { nodeName: t.lab.node, terminationGracePeriodSeconds: 5, ...spec },
  } as Pod;
}

/** A Pod with one container that rests. */
export function restingPod(t: TestContext, name: string, spec: Partial<PodSpec> = {}): Pod {
  return pod(t, name, { containers: [shell('main', rest)], ...spec });
}

const podsUrl = (t: TestContext): string => `/api/v1/namespaces/${t.namespace}/pods`;
export const podUrl = (t: TestContext, name: string): string => `${podsUrl(t)}/${name}`;

/** Creates a Pod; returns it as the API server stored it. */
export function create(t: TestContext, manifest: Pod): Promise<Pod> {
  return t.lab.api.create<Pod>(podsUrl(t), manifest);
}

export function condition(of: Pod | undefined, type: string): string {
  return of?.status?.conditions?.find((c) => c.type === type)?.status ?? 'absent';
}

/** The statuses of all its containers, init containers first. */
export const statuses = (of: Pod | undefined): ContainerStatus[] => [
  ...(of?.status?.initContainerStatuses ?? []),
  ...(of?.status?.containerStatuses ?? []),
];

/** The status of a container of whatever kind. */
export function container(of: Pod | undefined, name: string): ContainerStatus | undefined {
  return statuses(of).find((status) => status.name === name);
}

/** A few words on a Pod's status, for messages. */
export function describePod(of: Pod | undefined): string {
  if (!of) return 'no such Pod';
  const { phase, reason, message } = of.status ?? {};
  const states = statuses(of).map(
    (c) => `${c.name}: ${JSON.stringify(c.state ?? {})} restarts ${c.restartCount} ready ${c.ready}`,
  );
  const ending = of.metadata?.deletionTimestamp ? ' (being deleted)' : '';
  return [`${phase}${ending}`, reason, message, ...states].filter(Boolean).join('; ');
}

/** Waits until a Pod's state satisfies `wanted`; a Pod that is not there does not. */
export async function untilPod(
  t: TestContext,
  name: string,
  what: string,
  wanted: (pod: Pod) => unknown,
  limit = patience,
): Promise<Pod> {
  const now = (): Pod | undefined => t.lab.pods.get(t.namespace, name);
  const title = `Pod ${name} ${what}`;
  try {
    return await t.lab.pods.until(
      title,
      () => (now() && wanted(now() as Pod) ? now() : undefined),
      limit,
      () => describePod(now()),
    );
  } catch (error) {
    const why = await t.lab.why(t.namespace, name);
    const said = why?.reasons.map((r) => `${r.code}: ${r.sentence}`).join(' | ');
    throw new Error(`${(error as Error).message}\n  why: ${said || 'the agent says nothing'}`);
  }
}

export const untilReady = (t: TestContext, name: string, limit?: number): Promise<Pod> =>
  untilPod(t, name, 'to be Ready', (p) => condition(p, 'Ready') === 'True', limit);

export const untilPhase = (t: TestContext, name: string, phase: string, limit?: number): Promise<Pod> =>
  untilPod(t, name, `to be ${phase}`, (p) => p.status?.phase === phase, limit);

/** Waits until the API has no Pod with this UID. */
export async function untilGone(t: TestContext, gone: Pod, limit = patience): Promise<void> {
  const { name = '', namespace = '', uid } = gone.metadata ?? {};
  const now = (): Pod | undefined => t.lab.pods.get(namespace, name);
  await t.lab.pods.until(
    `Pod ${name} to be gone`,
    () => now()?.metadata?.uid !== uid,
    limit,
    () => describePod(now()),
  );
}

/** Asks for a Pod's deletion. */
export function remove(t: TestContext, name: string, options: object = {}): Promise<void> {
  return t.lab.api.remove(podUrl(t, name), options);
}

/** Asks for a Pod's deletion and waits until it is gone. */
export async function removeAndWait(t: TestContext, target: Pod, options: object = {}): Promise<void> {
  await remove(t, target.metadata?.name ?? '', options);
  await untilGone(t, target);
}
