/** One program, or a few that are built together, out of one Go module of hack/tools/. */
export interface Component {
  name: string;
  version: string;
  /** Directory below hack/tools that holds go.mod. */
  module: string;
  /** File name in bin/ → Go package. */
  programs: Record<string, string>;
  /** Directories below the module with packages of our own, on which the build depends too. */
  sources?: readonly string[];
  /** Built as a test binary (`go test -c`). */
  test?: boolean;
  cgo?: boolean;
  /** The Go version that its modules need, if it is a newer one than the others': Go downloads it by itself. */
  toolchain?: string;
  tags?: string;
  ldflags?: string;
  /** Debian packages that the build needs. */
  packages?: readonly string[];
}

/** The pinned Kubernetes. */
export const kubernetesVersion = 'v1.36.3';
const kubernetes = {
  version: kubernetesVersion,
  module: 'kubernetes',
  ldflags: [
    `-X k8s.io/component-base/version.gitVersion=${kubernetesVersion}`,
    '-X k8s.io/component-base/version.gitMajor=1',
    '-X k8s.io/component-base/version.gitMinor=36',
    `-X k8s.io/client-go/pkg/version.gitVersion=${kubernetesVersion}`,
  ].join(' '),
};

function kube(name: string, pkg = `cmd/${name}`, test = false): Component {
  return { ...kubernetes, name, programs: { [name]: `k8s.io/kubernetes/${pkg}` }, test };
}

/** A program of Kubernetes' CSI project. */
function sidecar(project: string, version: string, name = `csi-${project.replace('external-', '')}`): Component {
  const pkg = `github.com/kubernetes-csi/${project}/${version.split('.')[0]}/cmd/${name}`;
  return { name, version, module: 'csi', programs: { [name]: pkg }, ldflags: `-X main.version=${version}` };
}

/** A program of our own beside them: ours, because the module proxy does not have Kubernetes'. */
function csiStandIn(name: string): Component {
  return {
    name: `csi-${name}`,
    version: 'own',
    module: 'csi',
    sources: [name],
    programs: { [`csi-${name}`]: `kubelet-ts/tools/csi/${name}` },
  };
}

const containerdModule = 'github.com/containerd/containerd/v2';

/** What `npm run tools -- GROUP` builds, in the order in which `npm run tools` does. */
export const groups = {
  containerd: [
    {
      name: 'containerd',
      version: 'v2.3.7',
      module: 'containerd',
      programs: {
        containerd: `${containerdModule}/cmd/containerd`,
        'containerd-shim-runc-v2': `${containerdModule}/cmd/containerd-shim-runc-v2`,
        ctr: `${containerdModule}/cmd/ctr`,
      },
      ldflags: `-X ${containerdModule}/version.Version=v2.3.7`,
    },
  ],
  runc: [
    {
      name: 'runc',
      version: 'v1.4.3',
      module: 'runc',
      programs: { runc: 'github.com/opencontainers/runc' },
      cgo: true,
      tags: 'seccomp',
      ldflags: '-X main.version=1.4.3',
      packages: ['gcc', 'libc6-dev', 'libseccomp-dev', 'pkg-config'],
    },
  ],
  cni: [
    {
      name: 'cni',
      version: 'v1.9.1',
      module: 'cni',
      programs: {
        bridge: 'github.com/containernetworking/plugins/plugins/main/bridge',
        loopback: 'github.com/containernetworking/plugins/plugins/main/loopback',
        'host-local': 'github.com/containernetworking/plugins/plugins/ipam/host-local',
        portmap: 'github.com/containernetworking/plugins/plugins/meta/portmap',
      },
    },
  ],
  etcd: [{ name: 'etcd', version: 'v3.6.16', module: 'etcd', programs: { etcd: 'go.etcd.io/etcd/server/v3' } }],
  kubernetes: [
    kube('kube-apiserver'),
    kube('kube-controller-manager'),
    kube('kube-scheduler'),
    kube('kubectl'),
    kube('kubelet'),
    kube('agnhost', 'test/images/agnhost'),
  ],
  'test-images': [
    kube('nnp', 'test/images/nonewprivs'),
    kube('sampledeviceplugin', 'test/images/sample-device-plugin'),
    kube('consumer', 'test/images/resource-consumer'),
    // A module of its own: it needs a package that Kubernetes' other programs do not.
    { ...kube('consume-cpu', 'test/images/resource-consumer/consume-cpu'), module: 'resource-consumer' },
    kube('regression-issue-74839', 'test/images/regression-issue-74839'),
    kube('dra-test-driver', 'test/e2e/dra/test-driver'),
  ],
  'kube-proxy': [kube('kube-proxy')],
  kubeadm: [kube('kubeadm')],
  csi: [
    csiStandIn('registrar'),
    csiStandIn('hostpath'),
    csiStandIn('livenessprobe'),
    sidecar('external-provisioner', 'v6.3.0'),
    sidecar('external-attacher', 'v4.12.0'),
    sidecar('external-resizer', 'v2.2.0'),
    sidecar('external-snapshotter', 'v8.5.0'),
    sidecar('external-snapshotter', 'v8.5.0', 'snapshot-controller'),
  ],
  crane: [
    {
      name: 'crane',
      version: 'v0.20.6',
      module: 'crane',
      programs: { crane: 'github.com/google/go-containerregistry/cmd/crane' },
    },
  ],
  kind: [{ name: 'kind', version: 'v0.33.0', module: 'kind', programs: { kind: 'sigs.k8s.io/kind' } }],
  'k3s-supervisor': [
    {
      name: 'k3s-supervisor',
      version: 'own',
      module: 'k3s',
      sources: ['supervisor'],
      toolchain: 'go1.27.3',
      programs: { 'k3s-supervisor': 'kubelet-ts/tools/k3s/supervisor' },
    },
  ],
  'sample-apiserver': [
    {
      name: 'sample-apiserver',
      version: 'v0.36.3',
      module: 'sample-apiserver',
      programs: { 'sample-apiserver': 'k8s.io/sample-apiserver' },
    },
  ],
  'metrics-server': [
    {
      name: 'metrics-server',
      version: 'v0.8.0',
      module: 'metrics-server',
      programs: { 'metrics-server': 'sigs.k8s.io/metrics-server/cmd/metrics-server' },
    },
  ],
  coredns: [
    {
      name: 'coredns',
      version: 'v1.15.0',
      module: 'coredns',
      programs: { coredns: 'github.com/coredns/coredns' },
    },
  ],
  'kubernetes-tests': [
    {
      name: 'ginkgo',
      version: 'v2.28.1',
      module: 'kubernetes',
      programs: { ginkgo: 'github.com/onsi/ginkgo/v2/ginkgo' },
    },
    kube('e2e.test', 'test/e2e', true),
    kube('e2e_node.test', 'test/e2e_node', true),
  ],
} satisfies Record<string, Component[]>;

export type Group = keyof typeof groups;

/** Groups that `npm run tools` builds when none is named. */
export const defaultGroups: readonly Group[] = ['containerd', 'runc', 'cni', 'etcd', 'kubernetes'];

/** True for the name of a group. */
export function isGroup(name: string): name is Group {
  return Object.hasOwn(groups, name);
}
