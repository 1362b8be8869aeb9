// The command lines that distributions start their kubelet with, as they write them: each must parse, load and warn of nothing that matters.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCommand } from './command.ts';
import { loadConfiguration } from './load.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'command-lines-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const KUBEADM = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous:
    enabled: false
  webhook:
    cacheTTL: 0s
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
authorization:
  mode: Webhook
  webhook:
    cacheAuthorizedTTL: 0s
    cacheUnauthorizedTTL: 0s
cgroupDriver: systemd
clusterDNS:
- 10.96.0.10
clusterDomain: cluster.local
containerRuntimeEndpoint: ""
cpuManagerReconcilePeriod: 0s
crashLoopBackOff: {}
evictionPressureTransitionPeriod: 0s
fileCheckFrequency: 0s
healthzBindAddress: 127.0.0.1
healthzPort: 10248
httpCheckFrequency: 0s
imageMaximumGCAge: 0s
imageMinimumGCAge: 0s
logging:
  flushFrequency: 0
  options:
    json:
      infoBufferSize: "0"
    text:
      infoBufferSize: "0"
  verbosity: 0
memorySwap: {}
nodeStatusReportFrequency: 0s
nodeStatusUpdateFrequency: 0s
rotateCertificates: true
runtimeRequestTimeout: 0s
shutdownGracePeriod: 0s
shutdownGracePeriodCriticalPods: 0s
staticPodPath: /etc/kubernetes/manifests
streamingConnectionIdleTimeout: 0s
syncFrequency: 0s
volumeStatsAggPeriod: 0s
`;
const KIND = `${KUBEADM}cgroupRoot: /kubelet
evictionHard:
  imagefs.available: 0%
  nodefs.available: 0%
  nodefs.inodesFree: 0%
failSwapOn: false
imageGCHighThresholdPercent: 100
`;
const K3S = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 0.0.0.0
allowedUnsafeSysctls:
- net.ipv4.ip_forward
- net.ipv6.conf.all.forwarding
authentication:
  anonymous:
    enabled: false
  webhook:
    cacheTTL: 2m0s
    enabled: true
  x509:
    clientCAFile: /var/lib/rancher/k3s/agent/client-ca.crt
authorization:
  mode: Webhook
cgroupDriver: systemd
clusterDNS:
- 10.43.0.10
clusterDomain: cluster.local
containerRuntimeEndpoint: unix:///run/k3s/containerd/containerd.sock
evictionHard:
  imagefs.available: 5%
  nodefs.available: 5%
evictionMinimumReclaim:
  imagefs.available: 10%
  nodefs.available: 10%
failSwapOn: false
healthzBindAddress: 127.0.0.1
kubeletCgroups: /k3s
resolvConf: /etc/resolv.conf
serializeImagePulls: false
staticPodPath: /var/lib/rancher/k3s/agent/pod-manifests
tlsCertFile: /var/lib/rancher/k3s/agent/serving-kubelet.crt
tlsPrivateKeyFile: /var/lib/rancher/k3s/agent/serving-kubelet.key
`;

/** Talos runs the kubelet in a container of its own, at /usr/local/bin/kubelet (machine.kubelet.image). */
const TALOS = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 0.0.0.0
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
authorization:
  mode: Webhook
cgroupRoot: /
clusterDNS:
- 10.96.0.10
clusterDomain: cluster.local
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
failSwapOn: false
kubeletCgroups: /podruntime/kubelet
logging:
  format: json
oomScoreAdj: -450
port: 10250
rotateCertificates: true
serializeImagePulls: false
staticPodPath: /etc/kubernetes/manifests
streamingConnectionIdleTimeout: 5m0s
systemCgroups: /system
systemReserved:
  cpu: 50m
  ephemeral-storage: 256Mi
  memory: 192Mi
  pid: "100"
tlsMinVersion: VersionTLS13
`;

/** What k3s' agent gives its own kubelet, and RKE2 with flags of its own before it. */
const k3s = (configDir: string) => [
  '--cloud-provider=external',
  `--config-dir=${configDir}`,
  '--hostname-override=edge',
  '--kubeconfig=/var/lib/rancher/k3s/agent/kubelet.kubeconfig',
  '--node-ip=10.0.0.2',
  '--node-labels=',
  '--read-only-port=0',
  '--runtime-cgroups=/k3s',
];
const bootstrap = [
  '--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf',
  '--kubeconfig=/etc/kubernetes/kubelet.conf',
];

test.each([
  [
    'kubeadm',
    KUBEADM,
    (file: string) => [...bootstrap, `--config=${file}`, '--node-ip=10.0.0.2', '--hostname-override=edge'],
  ],
  [
    'kind',
    KIND,
    (file: string) => [
      ...bootstrap,
      `--config=${file}`,
      '--node-ip=172.18.0.3',
      '--node-labels=',
      '--provider-id=kind://docker/kind/kind-worker',
      '--runtime-cgroups=/system.slice/containerd.service',
    ],
  ],
  ['k3s', K3S, (_: string, at: string) => k3s(at)],
  [
    'Talos',
    TALOS,
    (file: string) => [
      '--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubeconfig',
      '--cert-dir=/var/lib/kubelet/pki',
      '--cloud-provider=external',
      `--config=${file}`,
      '--hostname-override=edge',
      '--kubeconfig=/etc/kubernetes/kubeconfig-kubelet',
      '--node-ip=10.0.0.2',
    ],
  ],
  [
    'RKE2 (kubelet-path)',
    K3S,
    (_: string, at: string) => [
      '--volume-plugin-dir=/var/lib/kubelet/volumeplugins',
      '--file-check-frequency=5s',
      '--sync-frequency=30s',
      ...k3s(at),
    ],
  ],
])('%s', (_name, text, args) => {
  const file = join(dir, '00-defaults.conf');
  writeFileSync(file, text);
  const command = parseCommand(args(file, dir));
  expect(command.kind).toBe('run');
  if (command.kind !== 'run') return;
  const { warnings, options, config } = loadConfiguration(command.flags);
  // Told, and not acted on: pulls are parallel and truth comes by events in any case, the kubelet stays in the cgroup it was started in, and so do the machine's
  // other processes (Talos starts them in cgroups of their own).
  expect(warnings.filter((line) => !/changes nothing here|has no effect/.test(line))).toEqual([]);
  expect(options.nodeIp).toMatch(/^(10|172)\./);
  expect(config.authentication.anonymous.enabled).toBe(false);
});
