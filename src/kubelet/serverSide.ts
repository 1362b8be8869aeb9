import type { ServingCertificateSource } from '../config/certificates/servingCertificate.ts';
import type { LoadedConfiguration } from '../config/load.ts';
import type { Cri } from '../cri/client.ts';
import type { Clock } from '../lib/clock.ts';
import { Listeners } from '../lib/disposables.ts';
import type { Logger } from '../lib/logger.ts';
import { verbosity } from '../lib/verbosity.ts';
import type { PodWorker } from '../podworker/worker.ts';
import type { PodWorkers } from '../podworker/workers.ts';
import { accessReviewer, tokenReviewer } from '../server/auth/reviews.ts';
import type { ServedPod, ServedPods, ServerHost } from '../server/host.ts';
import { type KubeletServer, startKubeletServer } from '../server/kubeletServer.ts';
import type { ExplanationSource } from '../server/routes/podExplanation.ts';
import { SummaryReader } from '../server/stats/summary.ts';
import type { AgentMetrics } from './agentMetrics.ts';
import type { ApiSide } from './apiSide.ts';
import type { Mirrors } from './mirrors.ts';
import type { ProbeMetrics } from './probeMetrics.ts';
import { Slis } from './slis.ts';

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
  return startKubeletServer({
    host: serverHost(options),
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
}

/** Without an API server nobody can be asked: every request is an error, never let in. */
function reviewer({ api, clock, nodeName, loaded }: ServerSideOptions) {
  const { cacheAuthorizedTTL, cacheUnauthorizedTTL } = loaded.config.authorization.webhook;
  if (api) {
    const ttls = { allowedMs: cacheAuthorizedTTL, deniedMs: cacheUnauthorizedTTL };
    return accessReviewer(api.heartbeat, clock, nodeName, ttls);
  }
  return async () => {
    throw new Error('authorization.mode is Webhook and there is no API server to ask; set AlwaysAllow or a kubeconfig');
  };
}

function serverHost(options: ServerSideOptions): ServerHost {
  const { loaded, nodeName, rootDir, cri, clock, pods } = options;
  const slis = new Slis();
  return {
    nodeName,
    rootDir,
    config: loaded.config,
    clock,
    log: options.log,
    pods,
    runtime: cri,
    explanations: options.explanations,
    summary: new SummaryReader({
      nodeName,
      rootDir,
      runtime: cri,
      pods,
      wall: () => clock.now().wall,
      volumeMaxAgeMs: loaded.config.volumeStatsAggPeriod,
    }),
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
