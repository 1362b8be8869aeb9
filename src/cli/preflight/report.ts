import { readFile, statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { detectHierarchies } from '../../cgroups/hierarchies.ts';
import { readKubeconfig } from '../../config/kubeconfig.ts';
import type { LoadedConfiguration } from '../../config/load.ts';
import { type Cri, connectCri } from '../../cri/client.ts';
import { errorMessage } from '../../lib/errors.ts';
import { errnoCode } from '../../lib/linux/linuxError.ts';
import { kernelDifferences } from '../../node/preflight/kernelSettings.ts';
import { onlyLoopback } from '../../node/preflight/resolverNote.ts';
import { swapsIn } from '../../node/preflight/swap.ts';
import { nodeNameOf } from '../../node/settings.ts';
import { listeningPorts } from './rules/listeningPorts.ts';
import type { ApiReport, MachineReport, RuntimeReport } from './rules/machineReport.ts';

/** How long runtime and API server may take to answer, ms. */
const PATIENCE_MS = 10_000;

/** Looks at the machine as the agent would find it with this configuration. Changes nothing; never throws. */
export async function machineReport({ config, options }: LoadedConfiguration): Promise<MachineReport> {
  const [cgroups, swaps, kernelSettings, ipForward, tcp, tcp6, runtime, resolvConf, freeDisk, api] = await Promise.all([
    detectHierarchies().then(
      ({ version, controllers }) => ({ version, controllers: [...controllers.keys()] }),
      (error: unknown) => errorMessage(error),
    ),
    text('/proc/swaps').then(swapsIn),
    kernelDifferences(),
    text('/proc/sys/net/ipv4/ip_forward'),
    text('/proc/net/tcp'),
    text('/proc/net/tcp6'),
    runtimeReport(config),
    config.resolvConf === '' ? undefined : text(config.resolvConf),
    freePart(options.rootDir),
    apiReport(options),
  ]);
  const taken = new Set([...listeningPorts(tcp), ...listeningPorts(tcp6)]);
  return {
    uid: process.geteuid?.() ?? -1,
    nodeName: nodeNameOf(options),
    rootDir: options.rootDir,
    cgroups,
    failCgroupV1: config.failCgroupV1,
    swaps,
    failSwapOn: config.failSwapOn,
    kernelSettings,
    protectKernelDefaults: config.protectKernelDefaults,
    ipForward: ipForward.trim() || undefined,
    ports: portsOf(config).map((each) => ({ ...each, taken: taken.has(each.port) })),
    runtime,
    resolver:
      resolvConf === undefined ? undefined : { file: config.resolvConf, onlyLoopback: onlyLoopback(resolvConf) },
    freeDisk,
    api,
  };
}

function portsOf(config: LoadedConfiguration['config']): { use: string; port: number }[] {
  const all = [
    { use: "the kubelet's server (logs, exec, metrics)", port: config.enableServer ? config.port : 0 },
    { use: 'health checks', port: config.healthzPort },
    { use: 'the read-only server', port: config.readOnlyPort },
  ];
  return all.filter(({ port }) => port !== 0);
}

async function runtimeReport(config: LoadedConfiguration['config']): Promise<RuntimeReport | string> {
  const endpoint = config.containerRuntimeEndpoint;
  try {
    using cri = connectCri({ runtimeEndpoint: endpoint, requestTimeoutMs: PATIENCE_MS });
    const [version, { status }] = await Promise.all([cri.version(), cri.status()]);
    const bad = (status?.conditions ?? []).filter((condition) => !condition.status);
    return {
      endpoint,
      name: version.runtimeName,
      version: version.runtimeVersion,
      notReady: bad.map(({ type, message }) => ({ type, message })),
      cgroupDriver: await driverOf(cri),
      configuredDriver: config.cgroupDriver,
    };
  } catch (error) {
    return errorMessage(error);
  }
}

async function driverOf(cri: Cri): Promise<RuntimeReport['cgroupDriver']> {
  const answer = await cri.runtimeConfig().catch(() => undefined);
  if (!answer?.linux) return undefined;
  return answer.linux.cgroupDriver === 'SYSTEMD' ? 'systemd' : 'cgroupfs';
}

async function apiReport({ kubeconfig, bootstrapKubeconfig }: LoadedConfiguration['options']): Promise<ApiReport> {
  if (kubeconfig === '' && bootstrapKubeconfig === '') return { state: 'standalone' };
  try {
    const own = kubeconfig === '' ? undefined : await readKubeconfig(kubeconfig).catch(onlyMissing);
    if (!own && bootstrapKubeconfig === '')
      return { state: 'problem', sentence: `the kubeconfig ${kubeconfig} does not exist` };
    const { server } = own ?? (await readKubeconfig(bootstrapKubeconfig));
    await reach(new URL(server));
    return { state: 'reached', server, with: own ? 'kubeconfig' : 'bootstrap kubeconfig' };
  } catch (error) {
    return { state: 'problem', sentence: errorMessage(error) };
  }
}

function onlyMissing(error: { code?: string }): undefined {
  if (error.code !== 'KubeconfigMissing') throw error;
}

/** Opens a connection to the server and closes it: what it would say is another question. */
async function reach(server: URL): Promise<void> {
  const reached = Promise.withResolvers<void>();
  const port = Number(server.port || (server.protocol === 'http:' ? 80 : 443));
  const socket = connect({ host: server.hostname.replace(/^\[|\]$/g, ''), port }, reached.resolve);
  socket.setTimeout(PATIENCE_MS, () => reached.reject(new Error(`nothing answered within ${PATIENCE_MS / 1000} s`)));
  socket.on('error', reached.reject);
  try {
    await reached.promise;
  } catch (error) {
    throw new Error(`${server.origin} cannot be reached: ${errorMessage(error)}`);
  } finally {
    socket.destroy();
  }
}

/** Free part of the file system that `directory` is or will be on. */
async function freePart(directory: string): Promise<number | undefined> {
  for (let at = path.resolve(directory); ; at = path.dirname(at)) {
    try {
      const { bavail, blocks } = await statfs(at);
      return blocks > 0 ? bavail / blocks : undefined;
    } catch (error) {
      if (errnoCode(error) !== 'ENOENT' || at === '/') return undefined;
    }
  }
}

/** A file's text; empty where there is none. */
function text(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
