// Generates src/cri/generated from proto/: one schema (JSON, what the client loads; no .proto file is read at run time) and
// TypeScript types. Usage: node hack/proto/generate.ts
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Namespace } from 'protobufjs';
import protobuf from 'protobufjs';
import { printTypes } from './print-types.ts';

const top = join(import.meta.dirname, '../..');

/** The protocols the runtime client speaks, with field names in camelCase as the client uses them. */
export function loadRoot(): protobuf.Root {
  const root = new protobuf.Root();
  const containerd = ['content', 'tasks'].map((name) => `containerd/${name}/v1/${name}.proto`);
  for (const file of ['runtime/v1/api.proto', ...containerd]) {
    root.loadSync(join(top, 'proto', file));
  }
  root.resolveAll();
  return root;
}

if (import.meta.filename === process.argv[1]) {
  const root = loadRoot();
  const out = join(top, 'src/cri/generated');
  writeFileSync(join(out, 'schema.json'), `${JSON.stringify(root.toJSON(), null, 1)}\n`);
  writeFileSync(join(out, 'runtime.ts'), printTypes(root.lookup('runtime.v1') as Namespace));
  writeFileSync(join(out, 'content.ts'), printTypes(root.lookup('containerd.services.content.v1') as Namespace));
  writeFileSync(join(out, 'tasks.ts'), printTypes(root.lookup('containerd.services.tasks.v1') as Namespace));
  const biome = join(top, 'node_modules/@biomejs/biome/bin/biome');
  execFileSync(process.execPath, [biome, 'format', '--write', out], { stdio: 'inherit', cwd: top });
}
