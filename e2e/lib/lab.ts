import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Agent, request } from 'undici';
import { bringUp, type UpOptions } from '../../hack/cluster/bringUp.ts';
import { startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import type { KubeletOptions } from '../../hack/cluster/kubelet.ts';
import { inside } from '../../hack/cluster/service.ts';
import type { Cluster } from '../../hack/cluster/state.ts';
import { tearDown } from '../../hack/cluster/tearDown.ts';
import { repoRoot } from '../../hack/lib/paths.ts';
import { type RunResult, run, tryRun } from '../../hack/lib/run.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { ensureTools } from '../../hack/tools/ensure.ts';
import { defaultDebugSocket } from '../../src/config/debugPlaces.ts';
import { type Cri, connectCri } from '../../src/cri/client.ts';
import type { NodeWhy } from '../../src/node/eviction/rules/whyNode.ts';
import type { TimelineEntry } from '../../src/timeline/entries.ts';
import type { Why } from '../../src/timeline/why.ts';
import type { Event, Pod } from '../../src/types/k8s.ts';
import { Api } from './api.ts';
import { Collection, patience } from './collection.ts';
import { condition } from './pods.ts';
import { Unnoticed } from './unnoticed.ts';

/** A Pod's timeline as the agent tells it. */
export interface Timeline {
  readonly uid: string;
  readonly entries: readonly TimelineEntry[];
}

/** One cluster with everything that tests need to act on it and look at it. */
export class Lab implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly api: Api;
  readonly cri: Cri;
  readonly pods: Collection<Pod>;
  readonly events: Collection<Event>;
  /** Where every start of kubelet-ts records its decisions, one directory a start. */
  readonly recordings: string;
  #starts = 0;

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.recordings = path.join(cluster.layout.state, 'recordings');
    this.api = new Api(cluster);
    this.cri = connectCri({ runtimeEndpoint: `unix://${cluster.layout.containerdSocket}` });
    this.pods = new Collection<Pod>(this.api, '/api/v1/pods');
    this.events = new Collection<Event>(this.api, '/api/v1/events');
  }

  /** Brings a cluster up whose node is kubelet-ts, recording; perhaps with disks or images of its own, and with other settings. */
  static async open(
    name: string,
    more: Pick<UpOptions, 'disks' | 'images'> = {},
    options: KubeletOptions = {},
  ): Promise<Lab> {
    const cluster = await bringUp({ name, kubelet: 'none', controlPlane: true, ...more });
    const lab = new Lab(cluster);
    await lab.startAgent(options);
    await waitForNodeReady(cluster, patience);
    return lab;
  }

  get node(): string {
    return this.cluster.layout.nodeName;
  }

  /** The agent's socket for explanations, as this machine sees it: the node's /var/lib/kubelet is a directory of ours. */
  get debugSocket(): string {
    return defaultDebugSocket(this.cluster.layout.kubeletRoot);
  }

  /** Starts kubelet-ts; what it decides goes to a new directory below `recordings`. Returns when its health endpoint answers. */
  async startAgent(options: KubeletOptions = {}): Promise<void> {
    this.#starts += 1;
    const directory = path.join(this.recordings, String(this.#starts).padStart(4, '0'));
    mkdirSync(directory, { recursive: true });
    const args = [`--ts-record-dir=${directory}`, ...(options.args ?? [])];
    await startKubelet(this.cluster, 'ts', { ...options, args });
  }

  /**
   * Ends the kubelet and starts kubelet-ts with other settings; waits for the node to be Ready and for every Pod that was Ready to
   * have been looked at. Fails when that was seen at one of them.
   */
  async restartAgent(options: KubeletOptions = {}): Promise<void> {
    const ready = this.pods.all().filter((p) => condition(p, 'Ready') === 'True' && !p.metadata?.deletionTimestamp);
    const before = new Unnoticed(this.api, this.pods, ready);
    await stopKubelet(this.cluster);
    await this.startAgent(options);
    await waitForNodeReady(this.cluster, patience);
    await this.untilLookedAt(ready);
    await before.assert('a restart of the agent', { mayLeave: true });
  }

  /** Waits until kubelet-ts has made a decision on each of these Pods that knows what runs. */
  async untilLookedAt(pods: readonly Pod[]): Promise<void> {
    for (const { metadata: { namespace = '', name = '' } = {} } of pods) {
      await waitFor(`the agent to have looked at ${namespace}/${name}`, { timeout: patience }, async () => {
        const now = this.pods.get(namespace, name);
        if (!now || now.metadata?.deletionTimestamp) return true; // somebody deletes it meanwhile
        const why = await this.why(namespace, name);
        return why !== undefined && !why.reasons.some((r) => r.code === 'ObservingRuntime');
      });
    }
  }

  async kubectl(...args: string[]): Promise<RunResult> {
    const tools = await ensureTools(['kubernetes']);
    return tryRun(tools.bin('kubectl'), [`--kubeconfig=${this.cluster.layout.adminKubeconfig}`, ...args]);
  }

  /** `kubectl why` or `kubectl timeline`, as its user has it: a program beside kubectl, with the administrator's kubeconfig. */
  async kubectlPlugin(verb: 'why' | 'timeline', ...args: string[]): Promise<RunResult> {
    const kubectl = (await ensureTools(['kubernetes'])).bin('kubectl');
    const env = {
      PATH: [path.join(repoRoot, 'packaging/kubectl'), path.dirname(kubectl), process.env.PATH].join(':'),
      KUBECONFIG: this.cluster.layout.adminKubeconfig,
    };
    return tryRun(kubectl, [verb, ...args], { env });
  }

  /** Runs a command on the node, in its network and mount namespaces; throws when it fails. */
  async onNode(...argv: string[]): Promise<string> {
    const [command = '', ...args] = inside(this.cluster, 'node', argv);
    return run(command, args);
  }

  /** Why a Pod is not further, as the agent says it; undefined when it does not know the Pod or does not answer. */
  async why(namespace: string, name: string): Promise<Why | undefined> {
    return this.#ask<Why>(`/debug/pods/${namespace}/${name}/why?output=json`);
  }

  /** What the node is short of, as the agent says it. */
  async whyNode(): Promise<NodeWhy | undefined> {
    return this.#ask<NodeWhy>('/debug/node/why?output=json');
  }

  async timeline(namespace: string, name: string): Promise<Timeline> {
    const url = `/debug/pods/${namespace}/${name}/timeline?output=json`;
    return waitFor(`the timeline of ${namespace}/${name}`, { timeout: patience }, () => this.#ask<Timeline>(url));
  }

  async #ask<T>(url: string): Promise<T | undefined> {
    try {
      const dispatcher = new Agent({ connect: { socketPath: this.debugSocket }, pipelining: 0 });
      try {
        const { statusCode, body } = await request(`http://agent${url}`, { dispatcher, headersTimeout: 60_000 });
        const text = await body.text();
        return statusCode === 200 ? (JSON.parse(text) as T) : undefined;
      } finally {
        await dispatcher.close();
      }
    } catch {
      return undefined; // it is down, or starting: tests do that to it, and wait for an answer
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pods[Symbol.asyncDispose]();
    await this.events[Symbol.asyncDispose]();
    await this.api[Symbol.asyncDispose]();
    this.cri[Symbol.dispose]();
  }

  /** Removes the cluster with everything in it. */
  async remove(): Promise<void> {
    await this[Symbol.asyncDispose]();
    await tearDown(this.cluster.layout.name);
  }

  /** A directory of its own for a test's hostPath volumes. */
  directory(name: string): string {
    const directory = path.join(this.cluster.layout.state, 'e2e', name);
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    return directory;
  }
}
