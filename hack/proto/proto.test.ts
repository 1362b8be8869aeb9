import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Namespace } from 'protobufjs';
import protobuf from 'protobufjs';
import { CRI_API_VERSION, moduleProtoPath } from './cri-proto.ts';
import { loadRoot } from './generate.ts';
import { printTypes } from './print-types.ts';

const top = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(path, 'utf8');

/** Every service, message, enum and field with its number and type, one fact a line. */
function facts(source: string): string[] {
  const { root, package: name } = protobuf.parse(source, { keepCase: true });
  const all: string[] = [`package ${name}`];
  const visit = (space: protobuf.NamespaceBase) => {
    for (const o of space.nestedArray) {
      if (o instanceof protobuf.Enum)
        for (const [k, v] of Object.entries(o.values)) all.push(`enum ${o.fullName} ${k}=${v}`);
      if (o instanceof protobuf.Type) {
        all.push(`message ${o.fullName}`);
        for (const f of o.fieldsArray) {
          const key = f instanceof protobuf.MapField ? ` map by ${f.keyType}` : '';
          const deprecated = f.options?.deprecated ? ' deprecated' : '';
          all.push(
            `field ${o.fullName}.${f.name}=${f.id} ${f.repeated ? 'repeated ' : ''}${f.type}${key}${deprecated}`,
          );
        }
      }
      if (o instanceof protobuf.Service) {
        for (const m of o.methodsArray) {
          const streams = `${m.requestStream ? 'stream ' : ''}${m.requestType} → ${m.responseStream ? 'stream ' : ''}`;
          all.push(`rpc ${o.fullName}.${m.name} ${streams}${m.responseType}`);
        }
      }
      if (o instanceof protobuf.Namespace) visit(o);
    }
  };
  visit(root);
  return all.sort();
}

const upstream = moduleProtoPath();
const available = existsSync(upstream);

// Skipped, visibly, on machines without the module.
(available ? test : test.skip)(`the CRI protocol is that of k8s.io/cri-api ${CRI_API_VERSION}`, () => {
  const ours = facts(read(join(top, 'proto/runtime/v1/api.proto')));
  expect(ours).toEqual(facts(read(upstream)));
  expect(ours.length).toBeGreaterThan(700);
});

test('the comparison sees a changed number, type and name', () => {
  const text = read(join(top, 'proto/runtime/v1/api.proto'));
  const original = facts(text);
  for (const [from, to] of [
    ['string runtime_name = 2;', 'string runtime_name = 9;'],
    ['string runtime_name = 2;', 'bytes runtime_name = 2;'],
    ['CGROUPFS = 1;', 'CGROUPFS = 2;'],
    ['returns (stream ContainerEventResponse)', 'returns (ContainerEventResponse)'],
  ] as const) {
    expect(text).toContain(from);
    expect(facts(text.replace(from, to))).not.toEqual(original);
  }
});

test('the generated schema and types are those of proto/', () => {
  const root = loadRoot();
  const generated = join(top, 'src/cri/generated');
  expect(JSON.parse(read(join(generated, 'schema.json')))).toEqual(JSON.parse(JSON.stringify(root.toJSON())));
  // The files are formatted after printing, so only what is not layout is compared.
  const bare = (s: string) => s.replace(/[\s;]/g, '').replace(/=\|/g, '=');
  const packages = {
    runtime: 'runtime.v1',
    content: 'containerd.services.content.v1',
    tasks: 'containerd.services.tasks.v1',
  };
  for (const [file, name] of Object.entries(packages)) {
    expect(bare(read(join(generated, `${file}.ts`)))).toBe(bare(printTypes(root.lookup(name) as Namespace)));
  }
});
