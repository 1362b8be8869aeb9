import type { FeatureGates } from '../../config/featureGates.ts';
import { parseFlags } from '../../config/flags.ts';
import type { KubeletConfiguration } from '../../config/kubeletConfiguration.ts';
import { loadConfiguration } from '../../config/load.ts';
import { realClock } from '../../lib/clock.ts';
import { Listeners } from '../../lib/disposables.ts';
import { silentLogger } from '../../lib/logger.ts';
import { allocatedAsAsked } from '../../pods/rules/allocation.ts';
import type { ServedPod } from '../../pods/served.ts';
import { Recorder } from '../../timeline/recorder.ts';
import type { ServerHost, ServerRuntime } from '../host.ts';

/** A node for the server's tests: Pods and answers of the runtime are set by the test. */
export class FakeHost implements ServerHost {
  readonly nodeName = 'node';
  readonly rootDir = '/nowhere';
  cpuProfiles = false;
  readonly clock = realClock;
  readonly log = silentLogger;
  config: KubeletConfiguration;
  gates: FeatureGates;
  served: ServedPod[] = [];
  readonly changes = new Listeners<[]>();
  verbosity = 0;
  problem: string | undefined;
  readonly explanations = { recorder: new Recorder(), mono: () => 0, refresh: async () => {} };
  readonly summary = {
    summary: async () => ({ node: {} }),
    resourceMetrics: async () => 'resource 1\n',
    async *cadvisorMetrics() {
      yield 'cadvisor 1\n';
      yield 'machine 1\n';
    },
  };
  /** What is wrong with kubelet's socket for device plug-ins. */
  devicePlugins: string | undefined;
  readonly metrics = { text: async () => 'm 1\n', probes: async () => 'p 1\n', slis: async () => 's 1\n' };
  runtime: ServerRuntime = {} as ServerRuntime;
  readonly pods = {
    all: () => this.served,
    get: (uid: string) => this.served.find((p) => p.uid === uid),
    onChange: (_uid: string, listener: () => void) => this.changes.add(listener),
  };

  constructor(config: Partial<KubeletConfiguration> = {}) {
    const loaded = loadConfiguration(parseFlags([]));
    this.config = { ...loaded.config, ...config };
    this.gates = loaded.gates;
  }

  flags(): Readonly<Record<string, string>> {
    return { v: '2' };
  }

  devicePluginProblem(): string | undefined {
    return this.devicePlugins;
  }

  unhealthy(): string | undefined {
    return this.problem;
  }

  setVerbosity(level: number): void {
    this.verbosity = level;
  }
}

/** A Pod with one running container. */
export function servedPod(fields: Partial<ServedPod> = {}): ServedPod {
  const base = { id: 'cid', sandboxId: 'sid', name: 'c', attempt: 0, state: 'running' as const };
  const times = { createdAt: 1, startedAt: 1, finishedAt: 0, exitCode: 0, reason: '', message: '' };
  const image = { image: 'i', imageRef: 'i', imageId: 'i', hash: 'h', restartCount: 0, annotations: {} };
  return {
    uid: 'uid',
    namespace: 'ns',
    name: 'p',
    pod: allocatedAsAsked({
      metadata: { name: 'p', namespace: 'ns', uid: 'uid' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    }),
    mirrorUid: undefined,
    isStatic: false,
    gone: false,
    volumePath: () => undefined,
    status: {
      containerStatuses: [
        {
          name: 'c',
          ready: true,
          restartCount: 0,
          image: 'i',
          imageID: 'i',
          containerID: 'containerd://cid',
          state: { running: {} },
        },
      ],
    },
    observed: {
      uid: 'uid',
      namespace: 'ns',
      name: 'p',
      seq: 1,
      sandboxes: [
        { id: 'sid', attempt: 0, ready: true, createdAt: 1, ips: [], hostNetwork: false, runtimeHandler: '' },
      ],
      containers: [{ ...base, ...times, ...image, terminationMessage: '', logPath: '' }],
    },
    ...fields,
  };
}
