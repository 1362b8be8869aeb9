import { logManifests } from '../../api/manifests/manifestLog.ts';
import { staticPodSources } from '../../api/manifests/staticPodSources.ts';
import type { StaticPodSource } from '../../api/manifests/staticPods.ts';
import { keepQos } from '../../cgroups/keepQos.ts';
import { RateLimiter } from '../../lib/limiter.ts';
import { rotatePodLogs } from '../../node/podLogs.ts';
import { Mirrors } from '../../pods/mirrors.ts';
import type { Services } from '../../podworker/actions/services.ts';
import { FollowRoom } from '../../podworker/followRoom.ts';
import { apiObjects, localObjects, type NodeObjects, type PodObjects } from '../../podworker/objects.ts';
import type { PodRuntime } from '../../podworker/podRuntime.ts';
import { PodProbes } from '../../probes/podProbes.ts';
import { StatusWriter } from '../../status/writer.ts';
import { followedMetric } from '../metrics/agentMetrics.ts';
import { hookCounters } from '../metrics/hookMetrics.ts';
import { ProbeMetrics } from '../metrics/probeMetrics.ts';
import { memoryQosGauges } from '../metrics/qosMetrics.ts';
import { openRecords, type Records } from '../records.ts';
import { makeServices } from '../services.ts';
import type { ApiConnection } from './api.ts';
import type { CsiStage } from './csi.ts';
import { openImages } from './images.ts';
import type { NodeStage } from './node.ts';
import type { Base } from './preflight.ts';
import { openProjections } from './projections.ts';
import type { Runtime } from './runtime.ts';
import { openUserNamespaces } from './userNamespaces.ts';
import { openWorkers } from './workers.ts';

/** The workers and what follows them. */
export interface PodStage {
  readonly runtime: PodRuntime;
  readonly services: Services;
  readonly records: Records;
  readonly mirrors: Mirrors;
  /** null in standalone mode. */
  readonly status: StatusWriter | null;
  /** Static Pods' sources, not started yet. */
  readonly manifests: readonly StaticPodSource[];
  readonly probeMetrics: ProbeMetrics;
  /** Looks after the records of pulled images (stages/images.ts). */
  readonly tidyImages: () => Promise<void>;
}

/** Makes the workers and finds what runs already. No source has been heard when it resolves, so nothing is ended yet. */
export async function openPods(
  base: Base,
  runtime: Runtime,
  api: ApiConnection | null,
  stage: NodeStage,
  csi: CsiStage,
  stack: AsyncDisposableStack,
): Promise<PodStage> {
  const { clock, log, table, metrics, rootDir, loaded } = base;
  const { node, cgroups } = stage;
  const { config } = loaded;
  const records = stack.use(await openRecords(rootDir, clock));
  const mirrors = new Mirrors();
  const manifests = staticSources(base, stack);
  const projections = await openProjections(base, api, stage, stack);
  const drivers = { CSIPlugin: csi.drivers, FlexVolumeDriver: stage.flexDrivers, ...projections.objects };
  const room = new FollowRoom();
  followedMetric(metrics.metrics, room);
  const objects = api ? apiObjects(api.store, api.tokens, drivers, room) : standaloneObjects(manifests, drivers);
  const status = openStatus(base, api, mirrors, stack);
  const probeMetrics = new ProbeMetrics();
  const probes = openProbes(base, runtime, stage, probeMetrics, stack);
  stack.use(rotatePodLogs({ config, cri: runtime.cri, clock, log, table }));
  const onDemand = memoryQosGauges(metrics.metrics, cgroups.qos);
  stack.use(keepQos({ table, cgroups, clock, log, ...(onDemand && { onDemand }) }));
  stack.use(
    table.onEnded((uid) => {
      api?.tokens.forget(uid);
      probeMetrics.forget(uid);
      records.forget(uid);
    }),
  );
  const images = await openImages(base, runtime, api, stack);
  const services = makeServices({
    ...{ base, runtime, stage, api, csi, objects, mirrors, records, projections },
    hooks: probes.hooks,
    images: images.manager,
    userNamespaces: await openUserNamespaces(base, node),
  });
  const made = { services, records, mirrors, status };
  const workers = openWorkers(base, runtime, api, stage, { ...made, objects }, stack);
  followApi(base, api, stage, status);
  node.onFacts(() => table.wakeAll());
  node.start();
  // Before the runtime answers, which may take longer than systemd waits for a service: kubelet too says it this early.
  base.preflight.ready();
  await workers.start();
  return { runtime: workers, ...made, manifests, probeMetrics, tidyImages: images.tidy };
}

function openStatus(
  { clock, recorder, table, tracing, loaded: { config } }: Base,
  api: ApiConnection | null,
  mirrors: Mirrors,
  stack: AsyncDisposableStack,
): StatusWriter | null {
  if (!api) return null;
  // The limit that the Go kubelet's statuses have, in a bucket of their own: heartbeats do not wait behind them.
  const limiter = new RateLimiter(clock, config.kubeAPIQPS, config.kubeAPIBurst);
  const follower = tracing?.pods;
  return stack.use(new StatusWriter({ client: api.heartbeat, limiter, clock, recorder, mirrors, table, follower }));
}

function openProbes(
  { clock, table, metrics }: Base,
  { cri }: Runtime,
  { events }: NodeStage,
  probeMetrics: ProbeMetrics,
  stack: AsyncDisposableStack,
): PodProbes {
  return stack.use(
    new PodProbes({
      ...{ cri, clock, table },
      random: Math.random,
      onEvent: ({ pod, ...subject }, event) => events.pod(pod, subject, event),
      onMetric: (metric) => probeMetrics.attempt(metric),
      onHook: hookCounters(metrics.metrics),
    }),
  );
}

function followApi({ table }: Base, api: ApiConnection | null, { ledger }: NodeStage, status: StatusWriter | null) {
  api?.onConnection(() => {
    table.wakeAll();
    // Static Pods must start while the API server is away; whoever runs already has asked by now.
    if (api.problem() !== undefined) ledger.open();
    else status?.publisher.apiBack();
  });
}

/** The sources of static Pods, not started yet; what is wrong with a manifest is logged. */
function staticSources(
  { loaded, nodeName, clock, log }: Base,
  stack: AsyncDisposableStack,
): readonly StaticPodSource[] {
  const { config, options, gates } = loaded;
  const rules = {
    standalone: options.kubeconfig === '',
    preventApiReferences: gates.enabled('PreventStaticPodAPIReferences'),
  };
  const settings = { ...config, staticPodURLHeader: config.staticPodURLHeader ?? {} };
  const sources = staticPodSources(settings, { nodeName, rules, clock });
  for (const source of sources) {
    stack.use(source);
    stack.use(logManifests(source, log));
  }
  return sources;
}

function standaloneObjects(manifests: readonly StaticPodSource[], drivers: NodeObjects): PodObjects {
  return localObjects(
    (kind, namespace, name) => manifests.map((s) => s.object(kind, namespace, name)).find((o) => o !== undefined),
    (changed) => {
      const stack = new DisposableStack();
      for (const source of manifests) stack.use(source.onObject(changed));
      return stack;
    },
    drivers,
  );
}
