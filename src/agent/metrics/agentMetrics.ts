import type { FeatureGates, GateStage } from '../../config/featureGates.ts';
import { operationName } from '../../cri/operations.ts';
import { isStaticPod } from '../../k8s/criticalPod.ts';
import type { LabelOf } from '../../k8s/metrics/families.ts';
import { Metrics } from '../../k8s/metrics/metrics.ts';
import type { PodEntry } from '../../pods/entry.ts';
import type { PodTable } from '../../pods/table.ts';
import type { FollowRoom } from '../../podworker/followRoom.ts';
import type { Action } from '../../podworker/rules/actions.ts';
import type { CallRecord } from '../../rpc/connectionOptions.ts';
import type { Recorder } from '../../timeline/recorder.ts';
import type { Pod } from '../../types/k8s.ts';
import { countRejections } from './admissionMetrics.ts';
import { countContainers } from './containerMetrics.ts';
import { ImageVolumeMetrics } from './imageVolumeMetrics.ts';
import { processText } from './processMetrics.ts';
import { ResizeMetrics } from './resizeMetrics.ts';
import { UserNamespaceMetrics } from './userNamespaceMetrics.ts';

interface Starting {
  readonly heardWall: number;
  readonly createdWall: number;
  pullMs: number;
}

/** kubelet_* of runtime calls, Pods and containers. */
export class AgentMetrics {
  readonly metrics = new Metrics();
  readonly resizes: ResizeMetrics;
  readonly #userNamespaces: UserNamespaceMetrics;
  readonly #imageVolumes: ImageVolumeMetrics;
  readonly #operations;
  readonly #operationErrors;
  readonly #operationSeconds;
  readonly #sandboxSeconds;
  readonly #sandboxErrors;
  readonly #started;
  readonly #podStart;
  readonly #podStartTotal;
  readonly #podStartSli;
  readonly #now: () => number;
  readonly #table: PodTable;
  readonly #starting = new Map<string, Starting>();

  /** `now`: wall ms. It follows the Pods of `table` from now on. */
  constructor(nodeName: string, version: string, table: PodTable, now: () => number) {
    const m = this.metrics;
    this.#operations = m.counter('kubelet_runtime_operations_total');
    this.#operationErrors = m.counter('kubelet_runtime_operations_errors_total');
    this.#operationSeconds = m.histogram('kubelet_runtime_operations_duration_seconds');
    this.#sandboxSeconds = m.histogram('kubelet_run_podsandbox_duration_seconds');
    this.#sandboxErrors = m.counter('kubelet_run_podsandbox_errors_total');
    this.#started = {
      pods: m.counter('kubelet_started_pods_total'),
      podErrors: m.counter('kubelet_started_pods_errors_total'),
      containers: m.counter('kubelet_started_containers_total'),
      containerErrors: m.counter('kubelet_started_containers_errors_total'),
    };
    this.#podStart = m.histogram('kubelet_pod_start_duration_seconds');
    this.#podStartTotal = m.histogram('kubelet_pod_start_total_duration_seconds');
    this.#podStartSli = m.histogram('kubelet_pod_start_sli_duration_seconds');
    m.gauge('kubelet_node_name').set(1, { node: nodeName });
    m.gauge('kubernetes_build_info').set(1, buildLabels(version));
    gauges(m, table);
    countRejections(m, table);
    countContainers(m, table);
    this.resizes = new ResizeMetrics(m, table);
    this.#userNamespaces = new UserNamespaceMetrics(m, table);
    this.#imageVolumes = new ImageVolumeMetrics(m);
    this.#now = now;
    this.#table = table;
    table.onDecided((entry) => this.#follow(entry));
    table.onEnded((uid) => this.#starting.delete(uid));
  }

  /** Prometheus' text of everything, process figures included. */
  async text(): Promise<string> {
    return `${await this.metrics.text()}\n${await processText()}`;
  }

  /** A call to the runtime ended. */
  call({ method, startMono, endMono, error }: CallRecord): void {
    const labels = { operation_type: operationName(method) };
    this.#operations.inc(labels);
    if (error) this.#operationErrors.inc(labels);
    this.#operationSeconds.observe((endMono - startMono) / 1000, labels);
  }

  /** The feature gates in force: 1 for those that are on. */
  features(gates: FeatureGates): void {
    const gauge = this.metrics.gauge('kubernetes_feature_enabled');
    for (const { name, stage, enabled } of gates.list()) {
      if (name === 'AllAlpha' || name === 'AllBeta') continue;
      gauge.set(enabled ? 1 : 0, { name, stage: STAGE_LABEL[stage] });
    }
  }

  /** An effect of a Pod ended. `handler`: the runtime handler of its RuntimeClass, empty without one. Attempts are counted, as kubelet does. */
  action(uid: string, action: Action, ms: number, error: unknown, handler = ''): void {
    const pod = this.#table.get(uid)?.pod ?? null;
    this.#userNamespaces.action(uid, action.kind, error);
    this.#imageVolumes.action(pod, action, error);
    if (action.kind === 'createSandbox') {
      const labels = { runtime_handler: handler };
      this.#sandboxSeconds.observe(ms / 1000, labels);
      this.#started.pods.inc();
      if (error === undefined) return;
      this.#started.podErrors.inc();
      this.#sandboxErrors.inc(labels);
    } else if (action.kind === 'startContainer' || action.kind === 'createContainer') {
      const labels = { container_type: containerType(pod, action.container) };
      if (action.kind === 'createContainer') this.#started.containers.inc(labels);
      if (error !== undefined) this.#started.containerErrors.inc({ ...labels, code: codeOf(error) });
    } else if (action.kind === 'resizePod') {
      this.resizes.carriedOut(ms, error);
    } else if (action.kind === 'ensureImage') {
      const starting = this.#starting.get(uid);
      if (starting) starting.pullMs += ms;
    }
  }

  /** The worker made a decision: a Pod that we saw before it ran, and that runs now, has started. */
  #follow({ uid, pod, status }: PodEntry): void {
    const { phase, containerStatuses = [] } = status ?? {};
    if (phase === 'Pending' && !this.#starting.has(uid)) {
      const now = this.#now();
      const created = Date.parse(pod?.metadata?.creationTimestamp ?? '');
      this.#starting.set(uid, { heardWall: now, createdWall: Number.isNaN(created) ? now : created, pullMs: 0 });
    }
    const starting = this.#starting.get(uid);
    if (!starting || phase === 'Pending' || !containerStatuses.every((c) => c.state?.running)) return;
    this.#starting.delete(uid);
    if (phase !== 'Running') return;
    const now = this.#now();
    this.#podStart.observe((now - starting.heardWall) / 1000);
    this.#podStartTotal.observe(Math.max(0, now - starting.createdWall) / 1000);
    // Volumes that outlast a Pod and what its init containers do are no latency of the node's (Kubernetes' start-up SLO).
    if (pod && !isStateful(pod))
      this.#podStartSli.observe(Math.max(0, now - starting.createdWall - starting.pullMs - initMs(status)) / 1000);
  }
}

/** What timelines and traces weigh: they hold what Pods say, within budgets (timeline/recorder.ts). */
export function recorderMetric(m: Metrics, recorder: Recorder): void {
  m.gauge('kubelet_ts_recorder_bytes', (gauge) => {
    for (const [kind, bytes] of Object.entries(recorder.bytes)) gauge.set(bytes, { kind });
  });
}

/** How many objects are followed for Pods, within limits (podworker/followRoom.ts). */
export function followedMetric(m: Metrics, room: Pick<FollowRoom, 'followed' | 'refused'>): void {
  m.gauge('kubelet_ts_followed_objects', (gauge) => {
    gauge.set(room.followed, { state: 'followed' });
    gauge.set(room.refused, { state: 'refused' });
  });
}

/** What is counted at each scrape. */
function gauges(m: Metrics, table: PodTable): void {
  const all = () => table.all();
  const isStatic = ({ pod }: PodEntry) => ({ static: pod !== null && isStaticPod(pod) ? 'true' : '' });
  m.gauge('kubelet_running_pods', (gauge) =>
    gauge.set(all().filter((w) => w.observed?.sandboxes.some((s) => s.ready)).length),
  );
  m.gauge('kubelet_running_containers', (gauge) => {
    gauge.reset();
    for (const w of all()) for (const c of w.observed?.containers ?? []) gauge.inc({ container_state: c.state });
  });
  m.gauge('kubelet_desired_pods', (gauge) => {
    gauge.reset();
    for (const w of all()) if (w.pod && !w.gone) gauge.inc(isStatic(w));
  });
  m.gauge('kubelet_active_pods', (gauge) => {
    gauge.reset();
    for (const w of all()) if (w.phase === 'Admitting' || w.phase === 'Active') gauge.inc(isStatic(w));
  });
  m.gauge('kubelet_mirror_pods', (gauge) =>
    gauge.set(all().filter((w) => w.pod && isStaticPod(w.pod) && !w.gone).length),
  );
  m.gauge('kubelet_working_pods', (gauge) => {
    gauge.reset();
    for (const w of all()) {
      const config = !w.pod ? 'runtime_only' : w.gone ? 'orphan' : 'desired';
      gauge.inc({ lifecycle: lifecycle(w), config, ...isStatic(w) });
    }
  });
}

const STAGE_LABEL: Readonly<Record<GateStage, string>> = {
  alpha: 'ALPHA',
  beta: 'BETA',
  ga: '',
  deprecated: 'DEPRECATED',
};

/** The labels of kubelet's own build_info. What this program is built of stands for Go and its compiler. */
function buildLabels(version: string): Readonly<Record<LabelOf<'kubernetes_build_info'>, string>> {
  const [major = '', minor = ''] = version.slice(1).split('.');
  return {
    major,
    minor,
    git_version: version,
    git_commit: '',
    git_tree_state: '',
    build_date: '',
    go_version: `Node.js ${process.version}`,
    compiler: 'V8',
    platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}

/** Whether the Pod has a volume that is no part of its own definition. */
function isStateful(pod: Pod): boolean {
  const own = new Set(['name', 'secret', 'configMap', 'downwardAPI', 'emptyDir', 'projected']);
  return (pod.spec?.volumes ?? []).some((volume) => !Object.keys(volume).every((key) => own.has(key)));
}

/** How long the init containers that have ended ran, ms. */
function initMs(status: PodEntry['status']): number {
  const spans = (status?.initContainerStatuses ?? []).map(({ state }) => {
    const ran = Date.parse(state?.terminated?.finishedAt ?? '') - Date.parse(state?.terminated?.startedAt ?? '');
    return Math.max(ran || 0, 0);
  });
  return spans.reduce((sum, ms) => sum + ms, 0);
}

function lifecycle({ phase }: PodEntry): string {
  if (phase === 'Terminating') return 'terminating';
  return phase === 'Cleaning' || phase === 'Finished' ? 'terminated' : 'sync';
}

function containerType(pod: Pod | null, name: string): string {
  if (pod?.spec?.initContainers?.some((c) => c.name === name)) return 'init_container';
  return pod?.spec?.ephemeralContainers?.some((c) => c.name === name) ? 'ephemeral_container' : 'container';
}

function codeOf(error: unknown): string {
  const { reason, grpcCodeName } = error as { reason?: string; grpcCodeName?: string };
  return reason ?? grpcCodeName ?? 'Unknown';
}
