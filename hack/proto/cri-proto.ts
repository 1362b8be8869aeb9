// Writes proto/runtime/v1/api.proto from the facts (names, numbers, types) of the pinned k8s.io/cri-api module.
// Usage: node hack/proto/cri-proto.ts [path of the module's api.proto]. Comments of the module are not carried over.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { printPackage } from './print-proto.ts';

/** The module version whose protocol proto/runtime/v1/api.proto states. */
export const CRI_API_VERSION = 'v0.36.3';

/** Where the Go module cache holds the protocol file of the pinned version, whether or not it exists. */
export function moduleProtoPath(): string {
  const cache =
    process.env.GOMODCACHE ??
    join(process.env.GOPATH?.split(':')[0] ?? join(process.env.HOME ?? '/root', 'go'), 'pkg/mod');
  return join(cache, `k8s.io/cri-api@${CRI_API_VERSION}/pkg/apis/runtime/v1/api.proto`);
}

const HEADER = [
  `The container runtime interface, runtime.v1, as of k8s.io/cri-api ${CRI_API_VERSION} (Apache-2.0).`,
  'Written by hack/proto/cri-proto.ts; do not edit. The meaning of the fields is documented in that module.',
];

if (import.meta.filename === process.argv[1]) {
  const source = process.argv[2] ?? moduleProtoPath();
  const parsed = protobuf.parse(readFileSync(source, 'utf8'), { keepCase: true });
  const target = join(import.meta.dirname, '../../proto/runtime/v1/api.proto');
  writeFileSync(target, printPackage(parsed.root, 'runtime.v1', HEADER));
  execFileSync(process.execPath, [join(import.meta.dirname, 'generate.ts')], { stdio: 'inherit' });
}
