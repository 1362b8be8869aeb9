import type { Flag, Syntax } from './flagTable.ts';
import type { FieldKind } from './schema.ts';

/** The raw value (in the form a configuration file would have) of a flag's text, or the end of a sentence about it. */
export type FlagReading = { readonly raw: unknown } | { readonly problem: string };

type Reader = (text: string, previous: unknown) => FlagReading;
const wrong = (problem: string): FlagReading => ({ problem });

/** Go's strconv.ParseBool. */
const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

const BY_KIND: Partial<Record<FieldKind, Reader>> = {
  bool: (text) => {
    if (TRUE.has(text)) return { raw: true };
    return FALSE.has(text) ? { raw: false } : wrong('must be true or false');
  },
  int32: integer,
  int64: integer,
  float: (text) =>
    text.trim() !== '' && Number.isFinite(Number(text)) ? { raw: Number(text) } : wrong('must be a number'),
  strings: (text, previous) => ({ raw: [...((previous as string[]) ?? []), ...(text === '' ? [] : text.split(','))] }),
  stringMap: (text, previous) => pairs(text, '=', previous),
  boolMap: (text, previous) => booleans(text, previous),
};

const BY_SYNTAX: Record<Syntax, Reader> = {
  commaMap: (text, previous) => pairs(text, '=', previous),
  singleMap: (text, previous) => {
    const at = text.indexOf('=');
    if (at < 0) return wrong('must be one key=value');
    return { raw: { ...(previous as object), [text.slice(0, at).trim()]: text.slice(at + 1).trim() } };
  },
  lessThanMap: (text, previous) => pairs(text, '<', previous),
  headers,
  taints: (text) => (text === '' ? { raw: [] } : taints(text)),
  reservedMemory,
  vmodule: (text) => {
    const items = text.split(',').map((item) => /^([^=]+)=(\d+)$/.exec(item.trim()));
    if (items.some((item) => !item)) return wrong('must be a list of pattern=N');
    return { raw: items.map((item) => ({ filePattern: item![1], verbosity: Number(item![2]) })) };
  },
};

/** Reads the text of one flag. `previous` is what an earlier flag of the same name gave: maps and lists grow. */
export function readFlag(flag: Flag, text: string, previous: unknown): FlagReading {
  const reader = flag.syntax ? BY_SYNTAX[flag.syntax] : BY_KIND[flag.row.kind];
  return reader ? reader(text, previous) : { raw: text };
}

function integer(text: string): FlagReading {
  // Go reads base prefixes and underscores between digits too.
  const digits = /^[-+]?(0x[\da-f]+|0o?[0-7]+|0b[01]+|\d+)$/i.test(text) ? text.replace(/^([-+]?)0(\d)/, '$10o$2') : '';
  const negative = digits.startsWith('-');
  const value = digits === '' ? Number.NaN : Number(digits.replace(/^[-+]/, ''));
  return Number.isNaN(value) ? wrong('must be an integer') : { raw: negative ? -value : value };
}

function pairs(text: string, separator: string, previous: unknown): FlagReading {
  const map: Record<string, string> = { ...(previous as Record<string, string>) };
  for (const pair of text.split(',')) {
    if (pair === '') continue;
    const at = pair.indexOf(separator);
    if (at < 0) return wrong(`must be a list of key${separator}value`);
    map[pair.slice(0, at).trim()] = pair.slice(at + 1).trim();
  }
  return { raw: map };
}

function booleans(text: string, previous: unknown): FlagReading {
  const read = pairs(text, '=', {});
  if ('problem' in read) return wrong('must be a list of Name=true or Name=false');
  const map: Record<string, boolean> = { ...(previous as Record<string, boolean>) };
  for (const [name, value] of Object.entries(read.raw as Record<string, string>)) {
    if (!TRUE.has(value) && !FALSE.has(value)) return wrong(`must be true or false for ${name}`);
    map[name] = TRUE.has(value);
  }
  return { raw: map };
}

function headers(text: string, previous: unknown): FlagReading {
  const map = new Map(Object.entries((previous as Record<string, string[]>) ?? {}));
  for (const pair of text.split(',')) {
    if (pair === '') continue;
    const at = pair.indexOf(':');
    if (at < 0) return wrong('must be a list of name:value');
    const name = pair.slice(0, at).trim();
    map.set(name, [...(map.get(name) ?? []), pair.slice(at + 1).trim()]);
  }
  return { raw: Object.fromEntries(map) };
}

function taints(text: string): FlagReading {
  const items = text
    .split(',')
    .map((item) => /^([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(item));
  if (items.some((item) => !item)) {
    return wrong('must be a list of key=value:effect, with the effect NoSchedule, PreferNoSchedule or NoExecute');
  }
  return { raw: items.map((item) => ({ key: item![1], value: item![2] ?? '', effect: item![3] })) };
}

function reservedMemory(text: string, previous: unknown): FlagReading {
  const out = [...((previous as unknown[]) ?? [])];
  for (const part of text === '' ? [] : text.split(';')) {
    const match = /^(\d+):([^:]+)$/.exec(part);
    const limits = match && pairs(match[2]!, '=', {});
    if (!match || !limits || 'problem' in limits) return wrong('must be numaNode:type=quantity[,type=quantity…]');
    out.push({ numaNode: Number(match[1]), limits: limits.raw });
  }
  return { raw: out };
}
