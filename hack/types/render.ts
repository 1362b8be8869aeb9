import { RENAMED } from './roots.ts';

/** The part of an OpenAPI 2 schema that Kubernetes' file uses. */
export interface Schema {
  type?: string;
  format?: string;
  $ref?: string;
  items?: Schema;
  additionalProperties?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
}
export type Definitions = Record<string, Schema>;

/** Full definition name → TypeScript name. Throws on a clash, which then needs a line in RENAMED. */
export function shortNames(full: readonly string[]): Map<string, string> {
  const byShort = new Map<string, string>();
  const names = new Map<string, string>();
  for (const name of full) {
    const short = RENAMED[name] ?? name.split('.').at(-1)!;
    const other = byShort.get(short);
    if (other !== undefined) throw new Error(`${name} and ${other} are both called ${short}; add one to RENAMED`);
    byShort.set(short, name);
    names.set(name, short);
  }
  return names;
}

function typeOf(schema: Schema, names: Map<string, string>, used: Set<string>): string {
  if (schema.$ref !== undefined) {
    const name = names.get(schema.$ref.slice('#/definitions/'.length));
    if (name === undefined) throw new Error(`unassigned reference ${schema.$ref}`);
    used.add(name);
    return name;
  }
  switch (schema.type) {
    case 'string':
      return schema.format === 'int-or-string' ? 'number | string' : 'string';
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'array': {
      const item = typeOf(schema.items!, names, used);
      return `readonly ${item.includes(' ') ? `(${item})` : item}[]`;
    }
    default:
      return `{ readonly [key: string]: ${schema.additionalProperties ? typeOf(schema.additionalProperties, names, used) : 'unknown'} }`;
  }
}

/** One exported interface (or alias, for a definition without properties); names of other definitions go into `used`. */
export function renderDefinition(name: string, schema: Schema, names: Map<string, string>, used: Set<string>): string {
  if (schema.properties === undefined) return `export type ${name} = ${typeOf(schema, names, used)};\n`;
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties).map(([field, type]) => {
    const key = /^[A-Za-z_$][\w$]*$/.test(field) ? field : JSON.stringify(field);
    return `  readonly ${key}${required.has(field) ? '' : '?'}: ${typeOf(type, names, used)};\n`;
  });
  return `export interface ${name} {\n${fields.join('')}}\n`;
}
