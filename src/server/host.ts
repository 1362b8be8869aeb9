import type { FeatureGates } from '../config/featureGates.ts';
import type { KubeletConfiguration } from '../config/kubeletConfiguration.ts';
import type { Cri } from '../cri/client.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { ServedPod, ServedPods } from '../pods/served.ts';
import type { SummarySource } from '../stats/source.ts';
import type { Tracing } from '../tracing/spans.ts';
import type { ExplanationSource } from './routes/podExplanation.ts';

/** The runtime calls that routes make. */
export type ServerRuntime = Pick<
  Cri,
  | 'exec'
  | 'attach'
  | 'portForward'
  | 'execSync'
  | 'containerStatus'
  | 'checkpointContainer'
  | 'listContainers'
  | 'listPodSandbox'
>;

/** Everything that the routes read. They decide nothing about Pods. */
export interface ServerHost {
  readonly nodeName: string;
  readonly rootDir: string;
  readonly config: KubeletConfiguration;
  readonly gates: FeatureGates;
  /** Every flag with its value; secrets masked. */
  flags(): Readonly<Record<string, string>>;
  /** Whether CPU profiles may be taken (--ts-cpu-profiles). */
  readonly cpuProfiles: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** Absent where tracing is not configured. */
  readonly tracing?: Tracing;
  readonly pods: ServedPods;
  readonly runtime: ServerRuntime;
  readonly explanations: ExplanationSource;
  readonly summary: SummarySource;
  /** The agent's own metrics in Prometheus' text form. */
  readonly metrics: {
    text(): Promise<string>;
    probes(): Promise<string>;
    slis(): Promise<string>;
  };
  /** Why the agent is not healthy; undefined while it is. */
  unhealthy(): string | undefined;
  /** Why no device plug-in can register at kubelet's socket; undefined: they can. */
  devicePluginProblem(): string | undefined;
  /** Sets the verbosity of the log. */
  setVerbosity(level: number): void;
}

/** The Pod of a name, the one that its source still has before one that is ending. */
export function findPod(pods: ServedPods, namespace: string, name: string): ServedPod | undefined {
  const found = pods.all().filter((p) => p.pod !== null && p.namespace === namespace && p.name === name);
  return found.findLast((p) => !p.gone) ?? found.at(-1);
}

/** Whether a UID in a request means this Pod: its own, or its mirror's. Empty means any. */
export function hasUid(pod: ServedPod, uid: string | undefined): boolean {
  return uid === undefined || uid === '' || uid === pod.uid || uid === pod.mirrorUid;
}
