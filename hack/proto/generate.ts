// Generates from proto/, for each protocol, a schema (JSON, what the program loads; no .proto file is read at run time) and
// TypeScript types. Usage: node hack/proto/generate.ts
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Namespace } from 'protobufjs';
import protobuf from 'protobufjs';
import { printTypes } from './print-types.ts';

const top = join(import.meta.dirname, '../..');

/** One generated folder: files of proto/ that are loaded together, and the file of types for each package. */
export interface GeneratedProtocol {
  /** Below src/; holds schema.json and the types. */
  readonly out: string;
  /** Below proto/. */
  readonly files: readonly string[];
  /** Name of the file of types → protobuf package. */
  readonly types: Readonly<Record<string, string>>;
}

/** What is generated. Protocols whose packages have one name (v1alpha1) are folders of their own. */
export const generatedProtocols: readonly GeneratedProtocol[] = [
  {
    out: 'cri/generated',
    files: ['runtime/v1/api.proto', 'containerd/content/v1/content.proto', 'containerd/tasks/v1/tasks.proto'],
    types: {
      runtime: 'runtime.v1',
      content: 'containerd.services.content.v1',
      tasks: 'containerd.services.tasks.v1',
    },
  },
  {
    out: 'plugins/generated/registration',
    files: ['pluginregistration/v1/api.proto'],
    types: { registration: 'pluginregistration' },
  },
  { out: 'plugins/generated/device', files: ['deviceplugin/v1beta1/api.proto'], types: { device: 'v1beta1' } },
  {
    out: 'plugins/generated/dra',
    files: ['dra/v1/api.proto', 'dra/v1beta1/api.proto', 'dra-health/v1alpha1/api.proto'],
    types: {
      draV1: 'k8s.io.kubelet.pkg.apis.dra.v1',
      draV1beta1: 'k8s.io.kubelet.pkg.apis.dra.v1beta1',
      draHealth: 'v1alpha1',
    },
  },
  { out: 'plugins/generated/csi', files: ['csi/v1/csi.proto'], types: { csi: 'csi.v1' } },
  { out: 'plugins/generated/pods', files: ['pods/v1alpha1/api.proto'], types: { pods: 'v1alpha1' } },
  {
    out: 'plugins/generated/podResources',
    files: ['podresources/v1/api.proto', 'podresources/v1alpha1/api.proto'],
    types: { podResourcesV1: 'v1', podResourcesV1alpha1: 'v1alpha1' },
  },
];

/** The files of one protocol, parsed, with field names in camelCase as the program uses them. */
export function loadRoot(protocol: GeneratedProtocol): protobuf.Root {
  const root = new protobuf.Root();
  for (const file of protocol.files) root.loadSync(join(top, 'proto', file));
  root.resolveAll();
  return root;
}

/** Where a protocol's generated files are. */
export function generatedFolder(protocol: GeneratedProtocol): string {
  return join(top, 'src', protocol.out);
}

function generate(protocol: GeneratedProtocol): void {
  const root = loadRoot(protocol);
  const out = generatedFolder(protocol);
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'schema.json'), `${JSON.stringify(root.toJSON(), null, 1)}\n`);
  for (const [file, name] of Object.entries(protocol.types))
    writeFileSync(join(out, `${file}.ts`), printTypes(root.lookup(name) as Namespace));
  const biome = join(top, 'node_modules/@biomejs/biome/bin/biome');
  execFileSync(process.execPath, [biome, 'format', '--write', out], { stdio: 'inherit', cwd: top });
}

if (import.meta.filename === process.argv[1]) generatedProtocols.forEach(generate);
