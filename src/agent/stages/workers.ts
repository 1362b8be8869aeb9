import { effects } from '../../podworker/actions/registry.ts';
import type { Services } from '../../podworker/actions/services.ts';
import { checkpointDir, FileCheckpoints } from '../../podworker/checkpointStore.ts';
import type { PodObjects } from '../../podworker/objects.ts';
import { PodRuntime } from '../../podworker/podRuntime.ts';
import { logAction } from '../../podworker/recording.ts';
import type { VolumeNeed } from '../../podworker/references.ts';
import type { NodeFacts } from '../../podworker/rules/facts.ts';
import { showMirror } from '../../podworker/sources.ts';
import type { StoredPod } from '../../types/k8s.ts';
import type { ApiConnection } from './api.ts';
import type { NodeStage } from './node.ts';
import type { PodStage } from './pods.ts';
import type { Base } from './preflight.ts';
import type { Runtime } from './runtime.ts';

/** The workers, not started yet. */
export function openWorkers(
  { clock, log, table, recorder, metrics, rootDir, loaded, health, tracing }: Base,
  { cri, gate }: Runtime,
  api: ApiConnection | null,
  { node, events }: NodeStage,
  made: Pick<PodStage, 'services' | 'records' | 'mirrors' | 'status'> & { readonly objects: PodObjects },
  stack: AsyncDisposableStack,
): PodRuntime {
  const { services, records, mirrors, status, objects } = made;
  const limits = nodeLimits(loaded);
  return stack.use(
    new PodRuntime({
      ...{ cri, clock, log, table, recorder, gate, objects },
      random: Math.random,
      checkpoints: new FileCheckpoints(checkpointDir(rootDir)),
      effect: tracing ? tracing.pods.effect(effects(services)) : effects(services),
      recorded: (uid) => ({ allocated: records.allocated.get(uid), actuated: records.actuated.get(uid) }),
      volumeNeeds: (pod) => volumeNeeds(services, pod),
      nodeFacts: () => ({ ...node.facts(api !== null, api?.problem(), limits.rules), ...limits.dead }),
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
}

/** What the configuration says to every Pod's decisions. */
function nodeLimits({ config, gates, options }: Base['loaded']) {
  const { maximumDeadContainersPerContainer: keptDead } = options;
  return {
    rules: {
      ...crashLoop(config, gates),
      deviceHealth: gates.enabled('ResourceHealthStatus'),
      stopSignals: gates.enabled('ContainerStopSignals'),
    },
    dead: keptDead > 1 ? { deadPerContainer: keptDead } : {},
  };
}

/** The delays of crash loops: the configured maximum counts, whatever the gates make the defaults. */
function crashLoop(
  config: Base['loaded']['config'],
  gates: Base['loaded']['gates'],
): Pick<NodeFacts, 'crashLoopMaxMs' | 'crashLoopInitialMs'> {
  const fast = gates.enabled('ReduceDefaultCrashLoopBackOffDecay');
  const configured = config.crashLoopBackOff?.maxContainerRestartPeriod;
  return { crashLoopMaxMs: configured ?? (fast ? 60_000 : 300_000), ...(fast && { crashLoopInitialMs: 1_000 }) };
}

/** Tokens are no objects that anybody can watch. */
function volumeNeeds(services: Services, pod: StoredPod): VolumeNeed[] {
  return services.volumes
    .needs(pod, services.volumeContext.objects)
    .flatMap(({ kind, namespace, name, volume }) =>
      kind === 'ServiceAccountToken' ? [] : [{ kind, namespace, name, volume }],
    );
}
