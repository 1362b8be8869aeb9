// Writes the files of proto/ from the facts (names, numbers, types) of pinned Go modules. Comments and options of the modules are not
// carried over. Usage: node hack/proto/modules.ts (needs the modules in Go's cache: `go mod download MODULE@VERSION`)
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import protobuf from 'protobufjs';
import { printPackage } from './print-proto.ts';

/** One protocol whose facts stand in a Go module. */
export interface ModuleProtocol {
  /** Below proto/. */
  readonly file: string;
  readonly title: string;
  readonly module: string;
  readonly version: string;
  /** Inside the module. */
  readonly source: string;
  /** The protobuf package, as upstream calls it. */
  readonly package: string;
}

const kubelet = (name: string, version: string, packageName: string, title: string): ModuleProtocol => ({
  file: `${name}/${version}/api.proto`,
  title,
  module: 'k8s.io/kubelet',
  version: 'v0.36.3',
  source: `pkg/apis/${name}/${version}/api.proto`,
  package: packageName,
});

/** The protocols that are stated from modules, with the versions that kubelet 1.36.3 is built with. */
export const moduleProtocols: readonly ModuleProtocol[] = [
  {
    file: 'runtime/v1/api.proto',
    title: 'The container runtime interface, runtime.v1,',
    module: 'k8s.io/cri-api',
    version: 'v0.36.3',
    source: 'pkg/apis/runtime/v1/api.proto',
    package: 'runtime.v1',
  },
  kubelet('pluginregistration', 'v1', 'pluginregistration', 'How plug-ins make themselves known to a kubelet,'),
  kubelet('deviceplugin', 'v1beta1', 'v1beta1', 'Device plug-ins, and the socket where they register,'),
  kubelet('dra', 'v1', 'k8s.io.kubelet.pkg.apis.dra.v1', 'Drivers of dynamic resource allocation, v1,'),
  kubelet('dra', 'v1beta1', 'k8s.io.kubelet.pkg.apis.dra.v1beta1', 'Drivers of dynamic resource allocation, v1beta1,'),
  kubelet('dra-health', 'v1alpha1', 'v1alpha1', 'The health of devices of dynamic resource allocation,'),
  kubelet('podresources', 'v1', 'v1', 'What a kubelet tells of the resources that Pods hold, v1,'),
  kubelet('pods', 'v1alpha1', 'v1alpha1', 'What a kubelet tells of its Pods,'),
  kubelet('podresources', 'v1alpha1', 'v1alpha1', 'What a kubelet tells of the resources that Pods hold, v1alpha1,'),
  {
    file: 'csi/v1/csi.proto',
    title: 'The container storage interface, csi.v1,',
    module: 'github.com/container-storage-interface/spec',
    version: 'v1.9.0',
    source: 'csi.proto',
    package: 'csi.v1',
  },
];

/** Go's module cache, as its own programs find it. */
export function goModuleCache(): string {
  const { GOMODCACHE, GOPATH, HOME = '/root' } = process.env;
  return GOMODCACHE ?? join(GOPATH?.split(':')[0] ?? join(HOME, 'go'), 'pkg/mod');
}

/** Where the Go module cache holds the protocol file of the pinned version, whether or not it exists. */
export function moduleProtoPath(protocol: ModuleProtocol): string {
  return join(goModuleCache(), `${protocol.module}@${protocol.version}`, protocol.source);
}

function header(protocol: ModuleProtocol): string[] {
  return [
    `${protocol.title} as of ${protocol.module} ${protocol.version} (Apache-2.0).`,
    'Written by hack/proto/modules.ts; do not edit. The meaning of the fields is documented in that module.',
  ];
}

if (import.meta.filename === process.argv[1]) {
  for (const protocol of moduleProtocols) {
    const { root } = protobuf.parse(readFileSync(moduleProtoPath(protocol), 'utf8'), { keepCase: true });
    const target = join(import.meta.dirname, '../../proto', protocol.file);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, printPackage(root, protocol.package, header(protocol)));
  }
  execFileSync(process.execPath, [join(import.meta.dirname, 'generate.ts')], { stdio: 'inherit' });
}
