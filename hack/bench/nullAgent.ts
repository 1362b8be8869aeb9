import { parseArgs } from 'node:util';
import { ApiClient } from '../../src/api/client.ts';
import { ApiPodSource } from '../../src/api/podSource.ts';
import { detectHierarchies } from '../../src/cgroups/hierarchies.ts';
import { createCgroupManager } from '../../src/cgroups/manager.ts';
import { openKubeconfig } from '../../src/config/credentials.ts';
import { connectCri } from '../../src/cri/client.ts';
import { amountOf, milliValue } from '../../src/k8s/resourceAmounts.ts';
import { allocatedAsAsked } from '../../src/pods/rules/allocation.ts';
import type { Pod, StoredPod } from '../../src/types/k8s.ts';
import { containerRequest, prepare, resizeRequest, sandboxRequest } from './requests.ts';

/**
 * The null agent: the least that any kubelet must do, as the floor of the benchmark. It watches the node's Pods; for each one
 * it makes the Pod cgroup, sends the requests to the runtime that kubelet-ts would send (the same pure functions make them), and
 * PATCHes the status once. On deletion: StopContainer, StopPodSandbox, terminal PATCH, DELETE. It sets no volumes up (the containers get
 * mounts of what lies ready on the disk), looks at no image, handles no errors, remembers nothing. A Pod that is resized: the limits of its
 * cgroup, one UpdateContainerResources, one PATCH.
 */
const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string' },
    endpoint: { type: 'string' },
    node: { type: 'string' },
    'cgroup-root': { type: 'string' },
    root: { type: 'string' },
  },
});
const prepared = await prepare(values.root ?? '/var/lib/kubelet');
const client = new ApiClient((await openKubeconfig(values.kubeconfig!)).current());
const cri = connectCri({ runtimeEndpoint: values.endpoint! });
const cgroups = createCgroupManager({
  hierarchies: await detectHierarchies(),
  driver: 'cgroupfs',
  cgroupRoot: values['cgroup-root'] ?? '/',
  settings: { cpuCFSQuota: true, cpuCFSQuotaPeriod: 100_000, podPidsLimit: -1 },
});
await cgroups.setUpNode({ capacity: { cpu: '2', memory: '16Gi' }, reserved: [], enforcePods: true });

interface Running {
  readonly sandbox: string;
  readonly container: string;
}
const running = new Map<string, Promise<Running>>();
/** Millicores of the container, as they were set last. */
const cpuLimits = new Map<string, number>();
/** Of the specs that were acted on. */
const generations = new Map<string, number>();
const ending = new Set<string>();

async function start(pod: StoredPod): Promise<Running> {
  const spec = pod.spec!.containers[0]!;
  const cgroup = await cgroups.ensurePod(allocatedAsAsked(pod));
  const sandboxConfig = sandboxRequest(pod, cgroup.cgroupParent);
  const sandbox = await cri.runPodSandbox(sandboxConfig, '');
  const { status } = await cri.podSandboxStatus(sandbox);
  const podIPs = [status?.network?.ip ?? ''];
  const config = containerRequest(pod, spec, cgroup.cgroupParent, podIPs, prepared);
  const container = await cri.createContainer(sandbox, config, sandboxConfig);
  await cri.startContainer(container);
  await patch(pod, {
    phase: 'Running',
    podIP: status?.network?.ip ?? '',
    podIPs: [{ ip: status?.network?.ip ?? '' }],
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString().replace(/\.\d+/, '') }],
    containerStatuses: [
      {
        name: spec.name,
        image: spec.image,
        imageID: '',
        ready: true,
        started: true,
        restartCount: 0,
        containerID: `containerd://${container}`,
        state: { running: { startedAt: new Date().toISOString().replace(/\.\d+/, '') } },
      },
    ],
  });
  return { sandbox, container };
}

async function resize(pod: StoredPod, { container }: Running): Promise<void> {
  const spec = pod.spec!.containers[0]!;
  const limits = () => cgroups.ensurePod(allocatedAsAsked(pod));
  // The kernel lets no container have more than its Pod, at no moment.
  const isGrowing = milliValue(amountOf(spec.resources?.limits, 'cpu')) > (cpuLimits.get(pod.metadata.uid) ?? 0);
  cpuLimits.set(pod.metadata.uid, milliValue(amountOf(spec.resources?.limits, 'cpu')));
  if (isGrowing) await limits();
  await cri.updateContainerResources({ containerId: container, linux: resizeRequest(pod, spec) });
  if (!isGrowing) await limits();
  const containerStatuses = [
    { name: spec.name, resources: spec.resources, allocatedResources: spec.resources?.requests },
  ];
  await patch(pod, { observedGeneration: pod.metadata.generation, containerStatuses });
}

async function end(pod: StoredPod): Promise<void> {
  const { uid } = pod.metadata;
  if (ending.has(uid)) return;
  ending.add(uid);
  const made = await running.get(uid);
  if (made) {
    await cri.stopContainer(made.container, Math.max(2, pod.metadata.deletionGracePeriodSeconds ?? 30));
    await cri.stopPodSandbox(made.sandbox);
  }
  await patch(pod, { phase: 'Succeeded' });
  await client.delete(
    'Pod',
    { namespace: pod.metadata.namespace!, name: pod.metadata.name! },
    { gracePeriodSeconds: 0, uid },
  );
  if (!made) return;
  await cri.removeContainer(made.container);
  await cri.removePodSandbox(made.sandbox);
  await cgroups.destroy(cgroups.podCgroup(pod).name, AbortSignal.timeout(60_000));
}

async function patch(pod: Pod, status: object): Promise<void> {
  const { namespace = '', name = '', uid } = pod.metadata ?? {};
  await client.patch('Pod', { namespace, name }, 'strategic', { metadata: { uid }, status }, { subresource: 'status' });
}

function hear(pod: StoredPod): void {
  const { uid, deletionTimestamp } = pod.metadata;
  const told = (error: unknown) => console.error(`null agent: ${pod.metadata.name}: ${error}`);
  if (deletionTimestamp) end(pod).catch(told);
  else if (!running.has(uid) && pod.status?.phase === 'Pending') {
    const made = start(pod);
    made.catch(told);
    running.set(uid, made);
    generations.set(uid, pod.metadata.generation ?? 0);
  } else if ((pod.metadata.generation ?? 0) > (generations.get(uid) ?? Number.POSITIVE_INFINITY)) {
    generations.set(uid, pod.metadata.generation ?? 0);
    running
      .get(uid)
      ?.then((made) => resize(pod, made))
      .catch(told);
  }
}

const source = new ApiPodSource(client, values.node!);
source.subscribe((change) => {
  if (change.type === 'set') hear(change.pod);
  if (change.type === 'synced') console.log('null agent: ready');
});
source.start();
process.once('SIGTERM', () => process.exit(0));
