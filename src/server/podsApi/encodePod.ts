import protobuf from 'protobufjs/light.js';
import type { Pod } from '../../types/k8s.ts';
import fields from './generated/podFields.json' with { type: 'json' };

/** Writes a value as field `id`: its head and what belongs to it. */
type WriteField = (out: protobuf.Writer, id: number, value: unknown) => void;
/** Writes the fields of a message. */
type WriteMessage = (out: protobuf.Writer, value: unknown) => void;

/** Rows of [JSON name, number, type, how], by message: see hack/proto/pod.ts. */
const rowsOf: Readonly<Record<string, readonly (readonly (string | number)[])[]>> = fields;

const VARINT = 0;
const BYTES = 2;
const head = (out: protobuf.Writer, id: number, kind: number): protobuf.Writer => out.uint32((id << 3) | kind);

const plain: Readonly<Record<string, WriteField>> = {
  string: (out, id, value) => head(out, id, BYTES).string(String(value)),
  bool: (out, id, value) => head(out, id, VARINT).bool(value === true),
  int32: (out, id, value) => head(out, id, VARINT).int64(whole(value)),
  int64: (out, id, value) => head(out, id, VARINT).int64(whole(value)),
};

/** JSON writes these as texts or numbers, protobuf as messages. */
const special: Readonly<Record<string, WriteMessage>> = {
  Quantity: (out, value) => plain.string?.(out, 1, value),
  Time: (out, value) => {
    const ms = Date.parse(String(value));
    plain.int64?.(out, 1, ms / 1000);
  },
  IntOrString: (out, value) => {
    const isText = typeof value === 'string';
    plain.int64?.(out, 1, isText ? 1 : 0);
    if (isText) plain.string?.(out, 3, value);
    else plain.int32?.(out, 2, value);
  },
  FieldsV1: (out, value) => plain.string?.(out, 1, JSON.stringify(value)),
};

const messages = new Map<string, WriteMessage>(Object.entries(special));

function whole(value: unknown): number {
  const number = Math.floor(Number(value));
  return Number.isSafeInteger(number) ? number : 0;
}

function messageWriter(type: string): WriteMessage {
  const known = messages.get(type);
  if (known) return known;
  const steps: WriteMessage[] = [];
  const write: WriteMessage = (out, value) => {
    if (typeof value === 'object' && value !== null) for (const step of steps) step(out, value);
  };
  messages.set(type, write); // before its fields: a message may hold another of its kind
  for (const [name, id, of, how] of rowsOf[type] ?? [])
    steps.push(fieldStep(String(name), Number(id), fieldWriter(String(of)), how));
  return write;
}

function fieldWriter(type: string): WriteField {
  const simple = plain[type];
  if (simple) return simple;
  const write = messageWriter(type);
  return (out, id, value) => {
    write(head(out, id, BYTES).fork(), value);
    out.ldelim();
  };
}

function fieldStep(name: string, id: number, write: WriteField, how: string | number | undefined): WriteMessage {
  if (how === 'inline') return (out, value) => write(out, id, value);
  return (out, value) => {
    const found = (value as Readonly<Record<string, unknown>>)[name];
    if (found === undefined || found === null) return;
    if (how === 'repeated') for (const one of Array.isArray(found) ? found : []) write(out, id, one);
    else if (how === 'map') writeMap(out, id, write, found);
    else write(out, id, found);
  };
}

function writeMap(out: protobuf.Writer, id: number, write: WriteField, value: object | unknown): void {
  for (const [key, one] of Object.entries(value ?? {})) {
    plain.string?.(head(out, id, BYTES).fork(), 1, key);
    write(out, 2, one);
    out.ldelim();
  }
}

/** A Pod as Kubernetes writes it in protobuf: what Go's v1.Pod reads with Unmarshal. */
export function encodePod(pod: Pod): Uint8Array {
  const out = protobuf.Writer.create();
  messageWriter('Pod')(out, pod);
  return out.finish();
}
