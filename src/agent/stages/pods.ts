import { logManifests } from '../../api/manifests/manifestLog.ts';
import { staticPodSources } from '../../api/manifests/staticPodSources.ts';
import type { StaticPodSource } from '../../api/manifests/staticPods.ts';
import { keepQos } from '../../cgroups/keepQos.ts';
import { RateLimiter } from '../../lib/limiter.ts';
import { rotatePodLogs } from '../../node/podLogs.ts';
import { Mirrors } from '../../pods/mirrors.ts';
import { effects } from '../../podworker/actions/registry.ts';
import type { Services } from '../../podworker/actions/services.ts';
import { checkpointDir, FileCheckpoints } from '../../podworker/checkpointStore.ts';
import { apiObjects, localObjects, type NodeObjects, type PodObjects } from '../../podworker/objects.ts';
import { PodRuntime } from '../../podworker/podRuntime.ts';
import { logAction } from '../../podworker/recording.ts';
import type { VolumeNeed } from '../../podworker/references.ts';
import { showMirror } from '../../podworker/sources.ts';
import { PodProbes } from '../../probes/podProbes.ts';
import { StatusWriter } from '../../status/writer.ts';
import type { StoredPod } from '../../types/k8s.ts';
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
  const { clock, log, table, recorder, metrics, rootDir, loaded, health, tracing } = base;
  const { cri, gate } = runtime;
  const { node, ledger, cgroups, events } = stage;
  const { config } = loaded;
  const records = stack.use(await openRecords(rootDir, clock));
  const mirrors = new Mirrors();
  const manifests = staticSources(base);
  for (const source of manifests) {
    stack.use(source);
    stack.use(logManifests(source, log));
  }
  const projections = await openProjections(base, api, stage, stack);
  const drivers = { CSIPlugin: csi.drivers, FlexVolumeDriver: stage.flexDrivers, ...projections.objects };
  const objects = api ? apiObjects(api.store, api.tokens, drivers) : standaloneObjects(manifests, drivers);
  // The limit that the Go kubelet's statuses have, in a bucket of their own: heartbeats do not wait behind them.
  const limiter = new RateLimiter(clock, config.kubeAPIQPS, config.kubeAPIBurst);
  const status = api
    ? stack.use(
        new StatusWriter({ client: api.heartbeat, limiter, clock, recorder, mirrors, table, follower: tracing?.pods }),
      )
    : null;
  const probeMetrics = new ProbeMetrics();
  const probes = stack.use(
    new PodProbes({
      ...{ cri, clock, table },
      random: Math.random,
      onEvent: ({ pod, ...subject }, event) => events.pod(pod, subject, event),
      onMetric: (metric) => probeMetrics.attempt(metric),
      onHook: hookCounters(metrics.metrics),
    }),
  );
  stack.use(rotatePodLogs({ config, cri, clock, log, table }));
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
  const rules = {
    crashLoopMaxMs: config.crashLoopBackOff?.maxContainerRestartPeriod ?? 300_000,
    deviceHealth: loaded.gates.enabled('ResourceHealthStatus'),
  };
  const { maximumDeadContainersPerContainer: keptDead } = loaded.options;
  const dead = keptDead > 1 ? { deadPerContainer: keptDead } : {};
  const workers = stack.use(
    new PodRuntime({
      ...{ cri, clock, log, table, recorder, gate, objects },
      random: Math.random,
      checkpoints: new FileCheckpoints(checkpointDir(rootDir)),
      effect: tracing ? tracing.pods.effect(effects(services)) : effects(services),
      recorded: (uid) => ({ allocated: records.allocated.get(uid), actuated: records.actuated.get(uid) }),
      volumeNeeds: (pod) => volumeNeeds(services, pod),
      nodeFacts: () => ({ ...node.facts(api !== null, api?.problem(), rules), ...dead }),
      recursiveReadOnly: (pod) => services.recursiveReadOnly(services.runtimeHandler(pod)),
      hooks: {
        listed: () => health.turned(),
        publish: (pod, wanted) => status?.publish(pod, wanted),
        event: (pod, subject, event) => events.pod(pod, subject, event),
        taken: (worker, pod) => {
          if (api && worker.origin !== 'api')
            showMirror({ mirrors, publisher: status?.publisher ?? null }, worker, pod);
        },
        actionEnded: (uid, action, ms, error) => {
          const { pod } = table.get(uid) ?? {};
          metrics.action(uid, action, ms, error, pod ? services.runtimeHandler(pod) : '');
          logAction(log, table.get(uid), action, ms, error);
        },
      },
    }),
  );
  if (api)
    api.onConnection(() => {
      table.wakeAll();
      // Static Pods must start while the API server is away; whoever runs already has asked by now.
      if (api.problem() !== undefined) ledger.open();
      else status?.publisher.apiBack();
    });
  node.onFacts(() => table.wakeAll());
  node.start();
  // Before the runtime answers, which may take longer than systemd waits for a service: kubelet too says it this early.
  base.preflight.ready();
  await workers.start();
  return { runtime: workers, services, records, mirrors, status, manifests, probeMetrics, tidyImages: images.tidy };
}

function staticSources({ loaded, nodeName, clock }: Base): readonly StaticPodSource[] {
  const { config, options, gates } = loaded;
  const rules = {
    standalone: options.kubeconfig === '',
    preventApiReferences: gates.enabled('PreventStaticPodAPIReferences'),
  };
  const settings = { ...config, staticPodURLHeader: config.staticPodURLHeader ?? {} };
  return staticPodSources(settings, { nodeName, rules, clock });
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

/** Tokens are no objects that anybody can watch. */
function volumeNeeds(services: Services, pod: StoredPod): VolumeNeed[] {
  return services.volumes
    .needs(pod, services.volumeContext.objects)
    .flatMap(({ kind, namespace, name, volume }) =>
      kind === 'ServiceAccountToken' ? [] : [{ kind, namespace, name, volume }],
    );
}
