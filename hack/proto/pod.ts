// Writes src/server/podsApi/generated/podFields.json: how a Pod is written as protobuf, from the facts (names, numbers, types) of pinned Go modules.
// Usage: node hack/proto/pod.ts (needs the modules in Go's cache)
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import protobuf from 'protobufjs';
import { goModuleCache } from './modules.ts';

/** What is written. */
export const podFieldsFile = join(import.meta.dirname, '../../src/server/podsApi/generated/podFields.json');

/** Where the facts are, whether or not Go's cache holds them. */
export const podSources: readonly string[] = [
  'k8s.io/api@v0.36.3/core/v1/generated.proto',
  'k8s.io/apimachinery@v0.36.3/pkg/apis/meta/v1/generated.proto',
  'k8s.io/apimachinery@v0.36.3/pkg/api/resource/generated.proto',
  'k8s.io/apimachinery@v0.36.3/pkg/util/intstr/generated.proto',
  'k8s.io/apimachinery@v0.36.3/pkg/runtime/generated.proto',
].map((source) => join(goModuleCache(), source));

/** Messages that JSON writes in a form of their own; the program writes them itself. */
const special = new Set(['Quantity', 'Time', 'MicroTime', 'IntOrString', 'FieldsV1']);
/** Messages whose fields JSON writes among those of the message that holds them. */
const inlined = new Set(['volumeSource', 'ephemeralContainerCommon', 'handler', 'localObjectReference']);

/** JSON name, number, type; then 'repeated', 'map' (of texts to that type) or 'inline', if it is one. */
export type FieldRow = readonly [name: string, id: number, type: string, how?: 'repeated' | 'map' | 'inline'];

const short = (type: string): string => type.split('.').at(-1) ?? type;

function rowOf(field: protobuf.Field): FieldRow {
  const { name, id } = field;
  if (field instanceof protobuf.MapField) {
    if (field.keyType !== 'string') throw new Error(`${field.fullName}: a map whose keys are no texts`);
    return [name, id, short(field.type), 'map'];
  }
  if (field.repeated) return [name, id, short(field.type), 'repeated'];
  return inlined.has(name) ? [name, id, short(field.type), 'inline'] : [name, id, short(field.type)];
}

/** The rows of a Pod and of all that it is made of, by message. */
export function podFields(): Record<string, FieldRow[]> {
  const root = new protobuf.Root();
  for (const source of podSources) protobuf.parse(readFileSync(source, 'utf8'), root, { keepCase: true });
  root.resolveAll();
  const found: Record<string, FieldRow[]> = {};
  const visit = (type: protobuf.Type): void => {
    if (found[type.name] || special.has(type.name)) return;
    found[type.name] = type.fieldsArray.map(rowOf);
    for (const { resolvedType } of type.fieldsArray) {
      if (resolvedType instanceof protobuf.Enum) throw new Error(`${type.fullName} has an enum`);
      if (resolvedType) visit(resolvedType);
    }
  };
  visit(root.lookupType('k8s.io.api.core.v1.Pod'));
  return found;
}

if (import.meta.filename === process.argv[1]) {
  mkdirSync(dirname(podFieldsFile), { recursive: true });
  const lines = Object.entries(podFields())
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, rows]) => `${JSON.stringify(name)}:${JSON.stringify(rows)}`);
  writeFileSync(podFieldsFile, `{\n${lines.join(',\n')}\n}\n`);
}
