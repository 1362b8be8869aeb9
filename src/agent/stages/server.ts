import type { CgroupManager } from '../../cgroups/contract.ts';
import { type CgroupName, cgroupPath, nodeCgroup, qosCgroup } from '../../cgroups/rules/names.ts';
import type { ServingCertificateSource } from '../../config/certificates/servingCertificate.ts';
import { toFlagz } from '../../config/flagz.ts';
import type { LoadedConfiguration } from '../../config/load.ts';
import type { Cri } from '../../cri/client.ts';
import type { Clock } from '../../lib/clock.ts';
import { Listeners } from '../../lib/disposables.ts';
import type { Logger } from '../../lib/logger.ts';
import { verbosity } from '../../lib/verbosity.ts';
import type { MachineFacts } from '../../node/types.ts';
import type { Mirrors } from '../../pods/mirrors.ts';
import type { PodWorker } from '../../podworker/worker.ts';
import type { PodWorkers } from '../../podworker/workers.ts';
import { type AccessReviewer, accessReviewer, tokenReviewer } from '../../server/auth/reviews.ts';
import type { ServedPod, ServedPods, ServerHost } from '../../server/host.ts';
import { type KubeletServer, startKubeletServer } from '../../server/kubeletServer.ts';
import type { ExplanationSource } from '../../server/routes/podExplanation.ts';
import { findCgroupMounts } from '../../server/stats/cadvisor/cgroupMounts.ts';
import { CgroupReader } from '../../server/stats/cadvisor/cgroupReader.ts';
import type { CgroupPlaces } from '../../server/stats/cadvisor/identities.ts';
import { SummaryReader } from '../../server/stats/summary.ts';
import { ownCgroup, type SystemCgroups } from '../../server/stats/systemContainers.ts';
import type { AgentMetrics } from '../metrics/agentMetrics.ts';
import type { ProbeMetrics } from '../metrics/probeMetrics.ts';
import { Slis } from '../metrics/slis.ts';
import type { ApiSide } from './api.ts';

export interface ServerSideOptions {
  readonly loaded: LoadedConfiguration;
  readonly nodeName: string;
  readonly rootDir: string;
  readonly addresses: readonly string[];
  readonly cri: Cri;
  readonly clock: Clock;
  readonly log: Logger;
  readonly api: ApiSide | null;
  readonly pods: PodBoard;
  readonly cgroups: CgroupManager;
  readonly machine: MachineFacts;
  readonly explanations: ExplanationSource;
  readonly metrics: AgentMetrics;
  readonly probeMetrics: ProbeMetrics;
  /** Why the agent is not healthy; undefined while it is. */
  readonly unhealthy: () => string | undefined;
  /** serverTLSBootstrap: where the serving certificate comes from. */
  readonly serving?: ServingCertificateSource | undefined;
}

/** What the server's routes see of the workers, and who waits for a Pod to change. */
export class PodBoard implements ServedPods {
  readonly #workers: () => PodWorkers;
  readonly #mirrors: Mirrors;
  readonly #waiting = new Map<string, Listeners<[]>>();

  constructor(workers: () => PodWorkers, mirrors: Mirrors) {
    this.#workers = workers;
    this.#mirrors = mirrors;
  }

  all(): ServedPod[] {
    return this.#workers()
      .all()
      .map((worker) => this.#served(worker));
  }

  get(uid: string): ServedPod | undefined {
    const worker = this.#workers().get(uid);
    return worker && this.#served(worker);
  }

  onChange(uid: string, listener: () => void): Disposable {
    const listeners = this.#waiting.get(uid) ?? new Listeners<[]>();
    this.#waiting.set(uid, listeners);
    const added = listeners.add(listener);
    return {
      [Symbol.dispose]: () => {
        added[Symbol.dispose]();
        if (listeners.size === 0 && this.#waiting.get(uid) === listeners) this.#waiting.delete(uid);
      },
    };
  }

  /** The Pod's worker made a decision, or is over. */
  changed(uid: string): void {
    this.#waiting.get(uid)?.emit();
  }

  #served({ uid, facts, memory }: PodWorker): ServedPod {
    const { pod, origin } = facts;
    const isStatic = origin === 'file' || origin === 'http';
    return {
      uid,
      namespace: facts.namespace,
      name: facts.name,
      pod,
      isStatic,
      mirrorUid: isStatic && pod ? this.#mirrors.of(pod)?.metadata.uid : undefined,
      gone: facts.gone,
      status: memory.status,
      observed: facts.observation.pod,
      volumePath: (volume) => facts.volumePath(volume),
    };
  }
}

/** The server of this agent; absent with enableServer off. Rejects with one sentence when it cannot listen. */
export async function startServer(options: ServerSideOptions): Promise<KubeletServer | undefined> {
  const { loaded, api, clock, nodeName } = options;
  const { config } = loaded;
  if (!config.enableServer) return undefined;
  const { webhook } = config.authentication;
  const token = api && webhook.enabled ? tokenReviewer(api.heartbeat, clock, webhook.cacheTTL) : undefined;
  await using own = new AsyncDisposableStack();
  const server = await startKubeletServer({
    host: await serverHost(options, own),
    metrics: options.metrics.metrics,
    serving: {
      tlsCertFile: config.tlsCertFile,
      tlsPrivateKeyFile: config.tlsPrivateKeyFile,
      certDir: loaded.options.certDir,
      nodeName,
      addresses: options.addresses,
      ...(options.serving ? { source: options.serving } : {}),
    },
    ...(token ? { token } : {}),
    ...(config.authorization.mode === 'AlwaysAllow' ? {} : { review: reviewer(options) }),
  });
  own.use(server);
  const { secure, readOnly } = server;
  const kept = own.move();
  return { secure, readOnly, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Without an API server the start was refused (serverRights.ts); should that change, nobody is let in. */
function reviewer({ api, clock, nodeName, loaded }: ServerSideOptions): AccessReviewer {
  if (!api) return async () => false;
  const { cacheAuthorizedTTL, cacheUnauthorizedTTL } = loaded.config.authorization.webhook;
  const ttls = { allowedMs: cacheAuthorizedTTL, deniedMs: cacheUnauthorizedTTL };
  return accessReviewer(api.heartbeat, clock, nodeName, ttls);
}

/** `own` gets what has to be ended after the server. */
async function serverHost(options: ServerSideOptions, own: AsyncDisposableStack): Promise<ServerHost> {
  const { loaded, nodeName, rootDir, cri, clock, pods } = options;
  const slis = new Slis();
  const stats = await statsPlaces(options);
  const summary = own.use(
    new SummaryReader({
      nodeName,
      rootDir,
      runtime: cri,
      pods,
      clock,
      wall: () => clock.now().wall,
      log: options.log,
      volumeMaxAgeMs: loaded.config.volumeStatsAggPeriod,
      machine: options.machine,
      metricsFromRuntime: loaded.gates.enabled('PodAndContainerStatsFromCRI'),
      ...stats,
    }),
  );
  return {
    nodeName,
    rootDir,
    config: loaded.config,
    gates: loaded.gates,
    flags: () => toFlagz(loaded.config, loaded.options),
    clock,
    log: options.log,
    pods,
    runtime: cri,
    explanations: options.explanations,
    summary,
    metrics: {
      text: () => options.metrics.text(),
      probes: () => options.probeMetrics.text(),
      slis: () => slis.text(options.unhealthy()),
    },
    unhealthy: options.unhealthy,
    setVerbosity: (level) => {
      verbosity.level = level;
    },
  };
}

/** Which cgroups the statistics are about. */
async function statsPlaces({ loaded, cgroups }: ServerSideOptions) {
  const { config, options } = loaded;
  const node = nodeCgroup(config.cgroupRoot);
  const at = (name: CgroupName) => cgroupPath(name, cgroups.driver);
  const own = await ownCgroup();
  const system: SystemCgroups = {
    pods: at(node),
    ...(own === undefined ? {} : { kubelet: own }),
    ...(options.runtimeCgroups === '' ? {} : { runtime: options.runtimeCgroups }),
    ...(config.systemCgroups === '' ? {} : { misc: config.systemCgroups }),
  };
  const { pods: _pods, ...others } = system;
  const places: CgroupPlaces = {
    nodes: [at(node), at(qosCgroup(node, 'Burstable')), at(qosCgroup(node, 'BestEffort'))],
    system: Object.values(others),
    podPath: ({ pod }) => (pod ? cgroups.podCgroup(pod).path : undefined),
  };
  return { reader: new CgroupReader(await findCgroupMounts()), places, system };
}
