import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ResourceConfig } from '../../cgroups/rules/resourceConfig.ts';
import { type FakeCri, startFakeCri } from '../../cri/fake/fakeCri.ts';
import { testNode } from '../../ledger/fake/pods.ts';
import type { NodeView, OwnResources } from '../../ledger/types.ts';
import { FakeMounter } from '../../lib/fake/mounter.ts';
import type { PodCgroupLimits } from '../../pods/facts.ts';
import type { Tracing } from '../../tracing/spans.ts';
import type { Pod, PodStatus } from '../../types/k8s.ts';
import type { Placement } from '../actions/services.ts';
import type { DnsInputs } from '../spec/dns.ts';

/** An API object that a test gives the node. */
export interface FakeObject {
  readonly metadata: { readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
}

/** The state that outlives the kubelet: the runtime, the disk, and what the API server has. */
export class FakeWorld implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 'kts-node-'));
  readonly mounter = new FakeMounter();
  readonly pods = new Map<string, Pod>();
  /** Pods of manifests, by UID; their statuses go to their mirrors. */
  readonly staticPods = new Map<string, Pod>();
  readonly accepted = new Map<string, PodStatus>();
  readonly objects = new Map<string, FakeObject>();
  readonly deleted: string[] = [];
  readonly cri: FakeCri;
  /** Every lifecycle hook that began, as `preStop <container id>`. */
  readonly hooks: string[] = [];
  /** How long a hook runs: until this settles. */
  hook: (call: string) => Promise<void> = async () => {};
  /** The node's own files, as they are read for each sandbox and each container on its network. */
  resolvConf: DnsInputs['hostResolvConf'] = 'nameserver 10.0.0.2\n';
  hostsFile: () => Promise<string> = async () => '127.0.0.1 localhost\n';
  /** The node as the ledger sees it; read when a node starts. */
  nodeView: NodeView = testNode({}, { pods: '200', cpu: '64' });
  /** Nodes that start from now on have kubelet's socket for device plug-ins. */
  devicePlugins = false;
  /** Who gives CPUs and memory of their own, and where that puts containers; read when a node starts. */
  own: { readonly resources: OwnResources; readonly placement: Placement } | undefined;
  /** The host has SELinux; read when a node starts. */
  seLinux = false;
  /** The runtime has user namespaces. */
  userNamespaces = true;
  /** Who makes spans; read when a node starts. */
  tracing: Tracing | undefined;
  /** Limits of Pods' cgroups by UID, and what is used in them; none: nothing. */
  readonly podCgroups = new Map<string, PodCgroupLimits>();
  readonly memoryUsed = new Map<string, number>();
  /** What is to befall a write to a Pod's cgroup: throw. */
  onCgroupWrite: (uid: string, config: ResourceConfig) => void = () => {};
  /** Every status that was written, by UID, in order. */
  readonly statuses = new Map<string, PodStatus[]>();

  constructor(cri: FakeCri) {
    this.cri = cri;
    cri.images.add('busybox', { sizeBytes: 1000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cri[Symbol.asyncDispose]();
    // What a killed life had asked of the file system just before may still be done, by another thread.
    rmSync(this.root, { recursive: true, force: true, maxRetries: 10, retryDelay: 10 });
  }
}

export async function fakeWorld(): Promise<FakeWorld> {
  return new FakeWorld(await startFakeCri());
}
