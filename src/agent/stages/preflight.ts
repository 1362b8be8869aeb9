import type { LoadedConfiguration } from '../../config/load.ts';
import { KUBERNETES_VERSION } from '../../config/version.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Preflight } from '../../node/preflight/preflight.ts';
import { nodeNameOf } from '../../node/settings.ts';
import { PodTable } from '../../pods/table.ts';
import { Healthz } from '../../server/healthz.ts';
import { RecordDir } from '../../timeline/recordDir.ts';
import { Recorder } from '../../timeline/recorder.ts';
import type { Host } from '../host.ts';
import { AgentMetrics, recorderMetric } from '../metrics/agentMetrics.ts';
import { SyncLoopHealth } from '../syncLoopHealth.ts';
import { openTracing, type TracingStage } from './tracing.ts';

/** What the agent is started with. */
export interface AgentInputs {
  readonly loaded: LoadedConfiguration;
  readonly log: Logger;
  readonly clock: Clock;
  readonly host: Host;
}

/** What everything else is built on: the machine is ours, nothing has been asked of runtime or API server yet. */
export interface Base extends AgentInputs {
  readonly nodeName: string;
  /** Without a slash at its end. */
  readonly rootDir: string;
  /** Resolved when the agent can do nothing any more without a new start. */
  readonly fatal: PromiseWithResolvers<Error>;
  readonly preflight: Preflight;
  readonly health: SyncLoopHealth;
  /** All Pods of the node: empty, until workers enter it. */
  readonly table: PodTable;
  readonly recorder: Recorder;
  readonly metrics: AgentMetrics;
  /** Absent where tracing is not configured. */
  readonly tracing?: TracingStage;
}

/** The first stage: no second kubelet, kernel settings, directories, limits; then the health endpoint. */
export async function claimMachine(inputs: AgentInputs, stack: AsyncDisposableStack): Promise<Base> {
  const { loaded, log, clock, host } = inputs;
  const { config, options } = loaded;
  const nodeName = nodeNameOf(options);
  const rootDir = options.rootDir.replace(/\/+$/, '');
  const fatal = Promise.withResolvers<Error>();
  const health = new SyncLoopHealth(clock, config.syncFrequency);
  const preflight = stack.use(
    await host.preflight(loaded, rootDir, { clock, log, onFatal: fatal.resolve, healthy: () => health.problem() }),
  );
  await stack.use(new Healthz(clock, log)).serve(config.healthzBindAddress, config.healthzPort);
  const table = new PodTable();
  const sink = options.tsRecordDir ? stack.use(new RecordDir(options.tsRecordDir, log)) : undefined;
  const tracing = await openTracing(inputs, nodeName, stack);
  const recorder = new Recorder(sink, undefined, tracing?.pods);
  const metrics = new AgentMetrics(nodeName, KUBERNETES_VERSION, table, () => clock.now().wall);
  metrics.features(loaded.gates);
  recorderMetric(metrics.metrics, recorder);
  const made = { ...inputs, nodeName, rootDir, fatal, preflight, health, table, recorder, metrics };
  return tracing ? { ...made, tracing } : made;
}
