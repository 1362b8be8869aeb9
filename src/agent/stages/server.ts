import { type CgroupName, cgroupPath, nodeCgroup, qosCgroup } from '../../cgroups/rules/names.ts';
import { toFlagz } from '../../config/flagz.ts';
import { deviceMap, deviceMapText } from '../../devices/deviceMap.ts';
import { claimMap, claimMapText } from '../../dra/claimMap.ts';
import { nodeMap, nodeMapText } from '../../ledger/managers/nodeMap.ts';
import { verbosity } from '../../lib/verbosity.ts';
import { limitReviews } from '../../server/auth/reviewLimit.ts';
import { type AccessReviewer, accessReviewer, tokenReviewer } from '../../server/auth/reviews.ts';
import { serveExplanations } from '../../server/explanations.ts';
import type { ServerHost } from '../../server/host.ts';
import { startKubeletServer } from '../../server/kubeletServer.ts';
import type { ExplanationSource } from '../../server/routes/podExplanation.ts';
import { CgroupReader } from '../../stats/cadvisor/cgroupReader.ts';
import type { CgroupPlaces } from '../../stats/cadvisor/identities.ts';
import { SummaryReader } from '../../stats/summary.ts';
import { ownCgroup, type SystemCgroups } from '../../stats/systemContainers.ts';
import { Slis } from '../metrics/slis.ts';
import type { ApiConnection } from './api.ts';
import type { NodeStage } from './node.ts';
import type { PodStage } from './pods.ts';
import type { Base } from './preflight.ts';
import type { PressureStage } from './pressure.ts';
import { requestServing } from './requestServing.ts';
import type { Runtime } from './runtime.ts';

/** What the server is made of. */
interface Parts {
  readonly base: Base;
  readonly runtime: Runtime;
  readonly api: ApiConnection | null;
  readonly node: NodeStage;
  readonly pods: PodStage;
  readonly pressure: PressureStage;
  readonly explanations: ExplanationSource;
}

/**
 * Opens the explanations and kubelet's server (with enableServer). It stands before the Node can become Ready: rejects with one
 * sentence when the server cannot be opened, for a client CA that is not there for instance.
 */
export async function openServer(
  base: Base,
  runtime: Runtime,
  api: ApiConnection | null,
  node: NodeStage,
  pods: PodStage,
  pressure: PressureStage,
  stack: AsyncDisposableStack,
): Promise<void> {
  const { clock, log, recorder, loaded } = base;
  const refresh = () => pods.services.images.refreshProgress();
  const explanations = { recorder, mono: () => clock.now().mono, refresh, node: () => wholeNode(base, node, pressure) };
  stack.use(await serveExplanations({ options: loaded.options, source: explanations, clock, log }));
  const { metrics } = base.metrics;
  const serving = stack.use(await requestServing({ loaded, api, node: node.node, clock, log, metrics }));
  await openKubeletServer({ base, runtime, api, node, pods, pressure, explanations }, serving, stack);
}

async function openKubeletServer(
  parts: Parts,
  source: Awaited<ReturnType<typeof requestServing>>,
  stack: AsyncDisposableStack,
): Promise<void> {
  const { api, base, node } = parts;
  const { loaded, clock, nodeName, metrics } = base;
  const { config, options } = loaded;
  if (!config.enableServer) return;
  const { webhook } = config.authentication;
  const token = api && webhook.enabled ? tokenReviewer(reviews(api, base), clock, webhook.cacheTTL) : undefined;
  const server = await startKubeletServer({
    host: await serverHost(parts),
    metrics: metrics.metrics,
    serving: {
      tlsCertFile: config.tlsCertFile,
      tlsPrivateKeyFile: config.tlsPrivateKeyFile,
      certDir: options.certDir,
      nodeName,
      addresses: node.node.hostIPs(),
      ...(source ? { source } : {}),
    },
    ...(token ? { token } : {}),
    ...(config.authorization.mode === 'AlwaysAllow' ? {} : { review: reviewer(parts) }),
  });
  stack.use(server);
}

/** `why node`: what the node is short of, then who has which of its CPUs, memory, devices and claims. */
async function wholeNode({ table }: Base, { managers, devices, claims }: NodeStage, pressure: PressureStage) {
  const nameOf = (uid: string) => {
    const pod = table.get(uid);
    return pod ? `${pod.namespace}/${pod.name}` : uid;
  };
  const { text, json } = await pressure.explain();
  const map = nodeMap(managers, nameOf);
  const held = deviceMap(devices.book, nameOf);
  const prepared = claimMap(claims.all(), nameOf);
  return {
    text: text + nodeMapText(map) + deviceMapText(held) + claimMapText(prepared),
    json: { ...json, ...map, devices: held, ...prepared },
  };
}

/** Each kind of review has a limit of its own: strangers' tokens do not use up what those with certificates need. */
function reviews(api: ApiConnection, { clock, loaded: { config } }: Base) {
  return limitReviews(api.heartbeat, clock, { qps: config.kubeAPIQPS, burst: config.kubeAPIBurst });
}

/** Without an API server the start was refused (serverRights.ts); should that change, nobody is let in. */
function reviewer({ api, base }: Parts): AccessReviewer {
  if (!api) return async () => false;
  const { clock, nodeName, loaded } = base;
  const { cacheAuthorizedTTL, cacheUnauthorizedTTL } = loaded.config.authorization.webhook;
  const ttls = { allowedMs: cacheAuthorizedTTL, deniedMs: cacheUnauthorizedTTL };
  return accessReviewer(reviews(api, base), clock, nodeName, ttls);
}

async function serverHost(parts: Parts): Promise<ServerHost> {
  const { base, runtime, node, explanations } = parts;
  const { loaded, nodeName, rootDir, clock, log, health, metrics } = base;
  const { cri } = runtime;
  const { served: pods } = parts.pressure;
  const slis = new Slis();
  const summary = await summaryReader(parts);
  const unhealthy = () => health.problem();
  return {
    nodeName,
    rootDir,
    config: loaded.config,
    gates: loaded.gates,
    flags: () => toFlagz(loaded.config, loaded.options),
    cpuProfiles: loaded.options.tsCpuProfiles,
    clock,
    log,
    ...(base.tracing && { tracing: base.tracing.spans }),
    pods,
    runtime: cri,
    explanations,
    summary,
    metrics: {
      text: async () => `${await metrics.text()}\n${await summary.volumeMetrics()}`,
      probes: () => parts.pods.probeMetrics.text(),
      slis: () => slis.text({ syncloop: unhealthy(), 'device-plugin': node.devices.problem() }),
    },
    unhealthy,
    devicePluginProblem: () => node.devices.problem(),
    setVerbosity: (level) => {
      verbosity.level = level;
    },
  };
}

async function summaryReader(parts: Parts): Promise<SummaryReader> {
  const { base, runtime, node, pressure } = parts;
  const { loaded, nodeName, rootDir, clock, log } = base;
  return new SummaryReader({
    ...{ nodeName, rootDir, pods: pressure.served, log },
    runtime: runtime.cri,
    wall: () => clock.now().wall,
    storage: pressure.storage,
    machine: node.node.machine,
    metricsFromRuntime: loaded.gates.enabled('PodAndContainerStatsFromCRI'),
    ...(await statsPlaces(parts)),
  });
}

/** Which cgroups the statistics are about. */
async function statsPlaces({ base, node: { cgroups }, pressure: { mounts } }: Parts) {
  const { config, options } = base.loaded;
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
  return { reader: new CgroupReader(mounts), places, system };
}
