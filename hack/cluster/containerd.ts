import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tryRun } from '../lib/run.ts';
import { podCidr } from './addresses.ts';
import { runtimeRoot } from './disks.ts';
import { type Layout, net } from './layout.ts';
import { showAsInit } from './namespaces.ts';
import type { RuntimePrograms } from './runtime.ts';
import { startService, waitForService } from './service.ts';
import { type Cluster, saveCluster } from './state.ts';

const pause = 'registry.k8s.io/pause:3.10.2';

function runtimeEntry(section: string, runc: string): string {
  return `
[${section}]
  runtime_type = "io.containerd.runc.v2"
  [${section}.options]
    BinaryName = "${runc}"
    SystemdCgroup = false
`;
}

function criConfig2(layout: Layout, programs: RuntimePrograms): string {
  const runtime = `plugins."io.containerd.cri.v1.runtime"`;
  const images = `plugins."io.containerd.cri.v1.images"`;
  return `
[${runtime}]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [${runtime}.cni]
    bin_dirs = ["${programs.cniDir}"]
    conf_dir = "${layout.state}/cni/conf"
  [${runtime}.containerd]
    default_runtime_name = "runc"
${runtimeEntry(`${runtime}.containerd.runtimes.runc`, programs.runc)}
${runtimeEntry(`${runtime}.containerd.runtimes.test-handler`, programs.runc)}
[${images}]
  snapshotter = "overlayfs"
  [${images}.pinned_images]
    sandbox = "${pause}"
  [${images}.registry]
    config_path = "${layout.state}/containerd/certs.d"
`;
}

function criConfig1(layout: Layout, programs: RuntimePrograms): string {
  const cri = `plugins."io.containerd.grpc.v1.cri"`;
  return `
[${cri}]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  sandbox_image = "${pause}"
  [${cri}.cni]
    bin_dir = "${programs.cniDir}"
    conf_dir = "${layout.state}/cni/conf"
  [${cri}.containerd]
    default_runtime_name = "runc"
${runtimeEntry(`${cri}.containerd.runtimes.runc`, programs.runc)}
${runtimeEntry(`${cri}.containerd.runtimes.test-handler`, programs.runc)}
[${cri}.registry]
  config_path = "${layout.state}/containerd/certs.d"
`;
}

function containerdConfig(layout: Layout, programs: RuntimePrograms): string {
  return `version = ${programs.major === 2 ? 3 : 2}
root = "${runtimeRoot(layout)}"
state = "${layout.run}/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri"]
[grpc]
  address = "${layout.containerdSocket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${layout.state}/containerd/opt"
${programs.major === 2 ? criConfig2(layout, programs) : criConfig1(layout, programs)}`;
}

function cniConfig(cluster: Cluster): object {
  const bridge = {
    type: 'bridge',
    bridge: 'cni0',
    isGateway: true,
    hairpinMode: true,
    ipam: { type: 'host-local', ranges: [[{ subnet: podCidr(cluster) }]], routes: [{ dst: '0.0.0.0/0' }] },
  };
  const portmap = { type: 'portmap', capabilities: { portMappings: true }, snat: true };
  return { cniVersion: '1.0.0', name: `kubelet-ts-${cluster.layout.name}`, plugins: [bridge, portmap] };
}

function writeFiles(cluster: Cluster, programs: RuntimePrograms): string {
  const { layout } = cluster;
  const write = (file: string, text: string): string => {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };
  write(path.join(layout.state, 'cni/conf/10-kubelet-ts.conflist'), JSON.stringify(cniConfig(cluster), null, 2));
  write(
    path.join(layout.state, 'containerd/certs.d/_default/hosts.toml'),
    `[host."http://127.0.0.1:${net.registryPort}"]\n  capabilities = ["pull", "resolve"]\n`,
  );
  return write(path.join(layout.state, 'containerd/config.toml'), containerdConfig(layout, programs));
}

/** Starts containerd unless it runs, with more in its environment where wanted, and waits until its CRI service answers. */
export async function startContainerd(
  cluster: Cluster,
  programs: RuntimePrograms,
  env: Record<string, string> = {},
): Promise<void> {
  const { layout } = cluster;
  cluster.state.runtime = programs;
  saveCluster(cluster);
  const config = writeFiles(cluster, programs);
  const { pid } = startService(cluster, {
    name: 'containerd',
    argv: [programs.containerd, '--config', config],
    env: { PATH: `${programs.shimDir}:${process.env.PATH}`, ...env },
    place: 'node',
  });
  showAsInit(cluster, pid);
  await waitForService(cluster, 'containerd', 30_000, async () => {
    const { code, stdout } = await tryRun(programs.ctr, ['--address', layout.containerdSocket, 'plugins', 'ls']);
    return code === 0 && /io\.containerd\.grpc\.v1\s+cri\s+.*ok/.test(stdout);
  });
}
