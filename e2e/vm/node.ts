import type { Cluster } from '../../hack/cluster/state.ts';
import { run } from '../../hack/lib/run.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { ensureTools } from '../../hack/tools/ensure.ts';
import { type GuestResult, inGuest, mustInGuest } from '../../hack/vm/guest.ts';
import { type VmLayout, vmLayout } from '../../hack/vm/layout.ts';
import type { ContainerStatus, Pod } from '../../src/types/k8s.ts';
import { objectOf } from '../cluster/checks.ts';

/** Emulated processors on a busy machine: everything takes long. */
export const patience = 600_000;

/** The VM as a node of a cluster. */
export class VmNode {
  readonly cluster: Cluster;
  readonly vm: VmLayout;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.vm = vmLayout(cluster.layout);
  }

  /** stdout of a bash script in the VM; throws when it fails. */
  run(script: string, timeout = 120_000): Promise<string> {
    return mustInGuest(this.vm, script, timeout);
  }

  /** As run, with the exit code instead of an error. */
  try(script: string, timeout = 120_000): Promise<GuestResult> {
    return inGuest(this.vm, script, timeout);
  }

  /** A property of kubelet-ts' unit. */
  async unit(property: string): Promise<string> {
    return (await this.run(`systemctl show -P ${property} kubelet-ts`)).trim();
  }

  pod(name: string): Promise<Pod | undefined> {
    return objectOf<Pod>(this.cluster, 'get', 'pod', name);
  }

  /** Makes a Pod on this node with one container. */
  async create(name: string, script: string, container: object, spec: object = {}): Promise<void> {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: {
        nodeName: this.vm.nodeName,
        terminationGracePeriodSeconds: 2,
        containers: [{ name: 'main', image: 'busybox:1.37', command: ['sh', '-c', script], ...container }],
        ...spec,
      },
    };
    const kubectl = (await ensureTools(['kubernetes'])).bin('kubectl');
    const args = [`--kubeconfig=${this.cluster.layout.adminKubeconfig}`, 'apply', '-f', '-'];
    await run(kubectl, args, { input: JSON.stringify(pod) });
  }

  /** Waits until a Pod is as wanted; says how it was when it gives up. */
  async untilPod(name: string, what: string, wanted: (pod: Pod) => unknown): Promise<Pod> {
    let last: Pod | undefined;
    try {
      return await waitFor(`Pod ${name} ${what}`, { timeout: patience, interval: 3000 }, async () => {
        last = await this.pod(name);
        return last && wanted(last) ? last : undefined;
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}; its status: ${JSON.stringify(last?.status)}`);
    }
  }

  untilReady(name: string): Promise<Pod> {
    return this.untilPod(name, 'to be Ready', isReady);
  }
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/** The status of a Pod's only container. */
export function main(pod: Pod | undefined): ContainerStatus | undefined {
  return pod?.status?.containerStatuses?.[0];
}
