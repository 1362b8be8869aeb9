import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Namespace } from 'protobufjs';
import protobuf from 'protobufjs';
import { generatedFolder, generatedProtocols, loadRoot } from './generate.ts';
import { moduleProtocols, moduleProtoPath } from './modules.ts';
import { podFields, podFieldsFile, podSources } from './pod.ts';
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
        for (const g of o.oneofsArray) all.push(`oneof ${o.fullName}.${g.name}: ${g.oneof.join(', ')}`);
        if (o.reserved) all.push(`reserved ${o.fullName} ${JSON.stringify(o.reserved)}`);
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

// Skipped, visibly, on machines without the module.
for (const protocol of moduleProtocols) {
  const upstream = moduleProtoPath(protocol);
  const compare = existsSync(upstream) ? test : test.skip;
  compare(`proto/${protocol.file} is that of ${protocol.module} ${protocol.version}`, () => {
    const ours = facts(read(join(top, 'proto', protocol.file)));
    expect(ours).toEqual(facts(read(upstream)));
    expect(ours.length).toBeGreaterThan(protocol.package === 'runtime.v1' ? 700 : 10);
  });
}

(podSources.every(existsSync) ? test : test.skip)('the fields of Pods are those of k8s.io/api', () => {
  expect(JSON.parse(read(podFieldsFile))).toEqual(podFields());
  expect(Object.keys(podFields()).length).toBeGreaterThan(100);
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

test('the comparison sees a field that left its oneof', () => {
  const text = read(join(top, 'proto/csi/v1/csi.proto'));
  const [, group, member] = /( +oneof type \{\n) +(\w+ \w+ = 1;\n)/.exec(text)!;
  const moved = text.replace(`${group}    ${member}`, `${member}${group}`);
  expect(moved).not.toBe(text);
  expect(facts(moved)).not.toEqual(facts(text));
});

test.each(generatedProtocols.map((p) => [p.out, p] as const))('the files of %s are those of proto/', (_, protocol) => {
  const root = loadRoot(protocol);
  const folder = generatedFolder(protocol);
  expect(JSON.parse(read(join(folder, 'schema.json')))).toEqual(JSON.parse(JSON.stringify(root.toJSON())));
  // The files are formatted after printing, so only what is not layout is compared.
  const bare = (s: string) => s.replace(/[\s;]/g, '').replace(/=\|/g, '=');
  for (const [file, name] of Object.entries(protocol.types)) {
    expect(bare(read(join(folder, `${file}.ts`)))).toBe(bare(printTypes(root.lookup(name) as Namespace)));
  }
});
