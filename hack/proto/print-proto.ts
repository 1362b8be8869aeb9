// Prints a parsed protobuf package as proto3 text in one fixed form: services, enums, messages, each by name, fields by number.
import type { Enum, Field, Namespace, ReflectionObject, Root, Service, Type } from 'protobufjs';
import protobuf from 'protobufjs';

const byName = (a: ReflectionObject, b: ReflectionObject) => (a.name < b.name ? -1 : 1);

/** The text of one package of `root`. Throws on constructs that the printer does not know, so that nothing is lost. */
export function printPackage(root: Root, packageName: string, header: string[]): string {
  const space = root.lookup(packageName) as Namespace;
  const nested = [...space.nestedArray].sort(byName);
  const services = nested.filter((o) => o instanceof protobuf.Service);
  const enums = nested.filter((o) => o instanceof protobuf.Enum);
  const messages = nested.filter((o) => o instanceof protobuf.Type);
  if (services.length + enums.length + messages.length !== nested.length) {
    throw new Error(`package ${packageName} holds something that is no service, enum or message`);
  }
  return [
    ...header.map((line) => `// ${line}`),
    'syntax = "proto3";',
    '',
    `package ${packageName};`,
    ...services.flatMap((s) => ['', ...printService(s as Service)]),
    ...enums.flatMap((e) => ['', ...printEnum(e as Enum)]),
    ...messages.flatMap((m) => ['', ...printMessage(m as Type)]),
    '',
  ].join('\n');
}

function printService(service: Service): string[] {
  const line = (m: protobuf.Method) =>
    `  rpc ${m.name}(${m.requestStream ? 'stream ' : ''}${m.requestType}) ` +
    `returns (${m.responseStream ? 'stream ' : ''}${m.responseType});`;
  return [`service ${service.name} {`, ...service.methodsArray.map(line), '}'];
}

function printEnum(e: Enum): string[] {
  const values = Object.entries(e.values).sort((a, b) => a[1] - b[1]);
  return [`enum ${e.name} {`, ...values.map(([name, id]) => `  ${name} = ${id};`), '}'];
}

function printMessage(m: Type): string[] {
  const enums = m.nestedArray.filter((o) => o instanceof protobuf.Enum);
  if (m.oneofsArray.length > 0 || m.nestedArray.length > enums.length || (m.reserved?.length ?? 0) > 0) {
    throw new Error(`message ${m.name} uses oneof, nested messages or reserved, which the printer does not know`);
  }
  const fields = [...m.fieldsArray].sort((a, b) => a.id - b.id);
  if (fields.length === 0) return [`message ${m.name} {}`];
  const nested = enums.flatMap((e) => printEnum(e).map((line) => `  ${line}`));
  return [`message ${m.name} {`, ...nested, ...fields.map((f) => `  ${printField(f)}`), '}'];
}

function printField(f: Field): string {
  const type =
    f instanceof protobuf.MapField ? `map<${f.keyType}, ${f.type}>` : `${f.repeated ? 'repeated ' : ''}${f.type}`;
  return `${type} ${f.name} = ${f.id}${f.options?.deprecated ? ' [deprecated = true]' : ''};`;
}
