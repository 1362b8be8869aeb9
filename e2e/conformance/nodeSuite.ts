import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bringUp } from '../../hack/cluster/bringUp.ts';
import { hierarchies, makeCgroup } from '../../hack/cluster/cgroups.ts';
import { kubeletEnvironment, kubeletProgram } from '../../hack/cluster/kubelet.ts';
import { writeNodeFiles } from '../../hack/cluster/kubeletConfig.ts';
import { net } from '../../hack/cluster/layout.ts';
import { inside } from '../../hack/cluster/service.ts';
import { type Cluster, findCluster } from '../../hack/cluster/state.ts';
import { tearDown } from '../../hack/cluster/tearDown.ts';
import { nodeSuiteImages } from '../../hack/images/definitions/index.ts';
import { run } from '../../hack/lib/run.ts';
import type { Place } from './cluster.ts';
import { type Spec, suiteOf } from './lists.ts';
import type { ConformanceOptions } from './options.ts';
import { lockFile, processFlags } from './processFlags.ts';
import { keepRuntime, runtimePidFile } from './runtimeKeeper.ts';

/** The cgroup that the suite names in the kubelet's configuration; both kubelets are in it from the start. */
const kubeletCgroup = '/kubelet.slice';

function directory(cluster: Cluster): string {
  return path.join(cluster.layout.state, 'suite');
}

/** What the suite starts as the kubelet: a directory with a program of that name. */
async function writeKubelet(cluster: Cluster, kind: 'go' | 'ts'): Promise<void> {
  const program = (await kubeletProgram(kind)).map((word) => `'${word}'`).join(' ');
  const env = Object.entries(kubeletEnvironment()).map(([name, value]) => `export ${name}='${value}'`);
  const file = path.join(directory(cluster), 'bin/kubelet');
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, ['#!/bin/bash', ...env, `exec -a kubelet ${program} "$@"`, ''].join('\n'));
  chmodSync(file, 0o755);
}

/** Upstream's default-kubelet-config.yaml, upon what both kubelets need on this machine. */
const configuration = {
  podCIDR: '10.100.0.0/24',
  volumeStatsAggPeriod: '10s',
  fileCheckFrequency: '10s',
  evictionPressureTransitionPeriod: '30s',
  serializeImagePulls: false,
  kubeletCgroups: kubeletCgroup,
  systemCgroups: '',
};

/**
 * A node with a runtime and a registry, and nothing else: the suite brings its own API server, and starts the kubelet of
 * the wanted kind with the configuration that lies ready. A cluster of this name that is up is taken down.
 */
export async function suiteNode(specs: readonly Spec[], options: ConformanceOptions): Promise<Place> {
  const { cluster: name, kubelet } = options;
  if (specs.some((spec) => suiteOf(spec) !== 'e2e_node'))
    throw new Error('--suite-kubelet: specs of test/e2e_node only');
  if (findCluster(name)) await tearDown(name);
  const cluster = await bringUp({
    ...{ name, kubelet: 'none', controlPlane: false, ownCgroups: true },
    images: nodeSuiteImages,
  });
  // The suite's API server takes the address of the interface that the default route names. It leads nowhere.
  const [command = '', ...args] = inside(cluster, 'network', ['ip', 'route', 'replace', 'default', 'dev', 'node0']);
  await run(command, args);
  writeNodeFiles(cluster, configuration);
  await writeKubelet(cluster, kubelet);
  mkdirSync(units(cluster), { recursive: true });
  makeCgroup(cluster.layout.cgroup + kubeletCgroup);
  const foreignLock = existsSync(lockFile);
  const stop = new AbortController();
  const kept = keepRuntime(cluster, stop.signal);
  const end = async (): Promise<void> => {
    stop.abort();
    await kept;
    if (!foreignLock) rmSync(lockFile, { force: true });
  };
  return { cluster, end };
}

function units(cluster: Cluster): string {
  return path.join(directory(cluster), 'units');
}

/** The environment in which the suite finds the stand-ins for systemd (systemd/), and they their units. */
export function suiteEnvironment(cluster: Cluster): Record<string, string> {
  return {
    PATH: `${path.join(import.meta.dirname, 'systemd')}:${process.env.PATH}`,
    SUITE_UNITS: units(cluster),
    SUITE_CGROUPS: hierarchies()
      .map((root) => root + kubeletCgroup)
      .join(' '),
  };
}

/** The flags with which the suite starts everything itself. `work` takes the kubelet's log. */
export function suiteNodeFlags(cluster: Cluster, specs: readonly Spec[], work: string): string[] {
  const { layout } = cluster;
  return [
    `--k8s-bin-dir=${path.join(directory(cluster), 'bin')}`,
    `--kubelet-config-file=${path.join(layout.node, 'config.yaml')}`,
    // Not the runtime's own unit, as upstream says it: the cgroup where the cluster keeps it.
    `--kubelet-flags=--runtime-cgroups=/services/containerd --node-ip=${net.nodeAddress}`,
    '--prepull-images=false',
    `--node-name=${layout.nodeName}`,
    `--container-runtime-endpoint=unix://${layout.containerdSocket}`,
    // Without it, specs that kill the runtime would look for processes called containerd: other clusters' too.
    `--container-runtime-pid-file=${runtimePidFile(cluster)}`,
    `--report-dir=${work}`,
    ...(specs[0] ? processFlags(specs[0]) : []), // all of them need the same: see fileBatches
  ];
}
