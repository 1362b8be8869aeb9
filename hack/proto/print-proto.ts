// Prints a parsed protobuf package as proto3 text in one fixed form: services, enums, messages, each by name, fields by number.
import type { Enum, Field, Namespace, ReflectionObject, Root, Service, Type } from 'protobufjs';
import protobuf from 'protobufjs';

const byName = (a: ReflectionObject, b: ReflectionObject) => (a.name < b.name ? -1 : 1);
/** The files of protobuf's own types. */
const WELL_KNOWN: Readonly<Record<string, string>> = {
  'google.protobuf.Timestamp': 'google/protobuf/timestamp.proto',
  'google.protobuf.BoolValue': 'google/protobuf/wrappers.proto',
  'google.protobuf.Int64Value': 'google/protobuf/wrappers.proto',
};
/** An extension of protobuf's own options: says nothing about the bytes of a message. */
const isOption = (o: ReflectionObject) => o instanceof protobuf.Field && /^\.?google\.protobuf\./.test(o.extend ?? '');

/** The text of one package of `root`. Throws on constructs that the printer does not know, so that nothing is lost. */
export function printPackage(root: Root, packageName: string, header: string[]): string {
  const space = root.lookup(packageName) as Namespace;
  const nested = space.nestedArray.filter((o) => !isOption(o)).sort(byName);
  const services = nested.filter((o) => o instanceof protobuf.Service);
  const enums = nested.filter((o) => o instanceof protobuf.Enum);
  const messages = nested.filter((o) => o instanceof protobuf.Type);
  if (services.length + enums.length + messages.length !== nested.length) {
    throw new Error(`package ${packageName} holds something that is no service, enum or message`);
  }
  const imports = [...new Set(messages.flatMap((m) => importsOf(m as Type)))].sort();
  return [
    ...header.map((line) => `// ${line}`),
    'syntax = "proto3";',
    '',
    `package ${packageName};`,
    ...(imports.length > 0 ? ['', ...imports.map((file) => `import "${file}";`)] : []),
    ...services.flatMap((s) => ['', ...printService(s as Service)]),
    ...enums.flatMap((e) => ['', ...printEnum(e as Enum)]),
    ...messages.flatMap((m) => ['', ...printMessage(m as Type)]),
    '',
  ].join('\n');
}

function importsOf(m: Type): string[] {
  const own = m.fieldsArray.filter((f) => /^\.?google\./.test(f.type)).map((f) => wellKnown(f.type));
  return [...own, ...m.nestedArray.flatMap((o) => (o instanceof protobuf.Type ? importsOf(o) : []))];
}

function wellKnown(type: string): string {
  const file = WELL_KNOWN[type.replace(/^\./, '')];
  if (!file) throw new Error(`the printer does not know which file ${type} is in`);
  return file;
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

const indented = (lines: string[]) => lines.map((line) => `  ${line}`);

function printMessage(m: Type): string[] {
  const nested = [...m.nestedArray].sort(byName).map(printNested);
  const ranges = (m.reserved ?? []).map((r) => `reserved ${typeof r === 'string' ? `"${r}"` : r.join(' to ')};`);
  const fields = [...m.fieldsArray].sort((a, b) => a.id - b.id);
  const groups = new Set<string>();
  const body = fields.flatMap((f) => {
    const group = f.partOf;
    if (!group || f.options?.proto3_optional) return [printField(f)];
    if (groups.has(group.name)) return [];
    groups.add(group.name);
    const members = fields.filter((other) => other.partOf === group);
    return [`oneof ${group.name} {`, ...indented(members.map(printField)), '}'];
  });
  const all = [...nested.flat(), ...ranges, ...body];
  return all.length === 0 ? [`message ${m.name} {}`] : [`message ${m.name} {`, ...indented(all), '}'];
}

function printNested(o: ReflectionObject): string[] {
  if (o instanceof protobuf.Enum) return printEnum(o);
  if (o instanceof protobuf.Type) return printMessage(o);
  throw new Error(`${o.fullName} is no message or enum`);
}

function printField(f: Field): string {
  const type =
    f instanceof protobuf.MapField
      ? `map<${f.keyType}, ${f.type}>`
      : `${f.options?.proto3_optional ? 'optional ' : ''}${f.repeated ? 'repeated ' : ''}${f.type}`;
  return `${type} ${f.name} = ${f.id}${f.options?.deprecated ? ' [deprecated = true]' : ''};`;
}
