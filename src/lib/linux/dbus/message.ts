import { KubeletError } from '../../errors.ts';
import { DBusReader } from './reader.ts';
import type { DBusValue, Variant } from './signature.ts';
import { DBusWriter } from './writer.ts';

/** Message types by their number on the wire. */
export const MESSAGE_TYPE = { call: 1, reply: 2, error: 3, signal: 4 } as const;

/** One D-Bus message; which fields are there depends on its type. */
export interface DBusMessage {
  readonly type: number;
  readonly serial: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  readonly replySerial?: number;
  readonly destination?: string;
  readonly sender?: string;
  readonly signature?: string;
  readonly body?: readonly DBusValue[];
}

/** Header fields with their code and type (D-Bus specification, "Header Fields"). */
const FIELDS = [
  ['path', 1, 'o'],
  ['interface', 2, 's'],
  ['member', 3, 's'],
  ['errorName', 4, 's'],
  ['replySerial', 5, 'u'],
  ['destination', 6, 's'],
  ['sender', 7, 's'],
  ['signature', 8, 'g'],
] as const;

const FIXED_HEADER = 16;
/** The specification's bound; whoever announces more is not systemd. */
const MAX_MESSAGE = 2 ** 27;

/** The bytes of a message. */
export function encodeMessage(message: DBusMessage): Buffer {
  const body = new DBusWriter();
  body.write(message.signature ?? '', message.body ?? []);
  const fields = FIELDS.flatMap(([name, code, type]): DBusValue[] => {
    const value = message[name];
    return value === undefined || value === '' ? [] : [[code, { signature: type, value } satisfies Variant]];
  });
  const header = new DBusWriter();
  const length = body.bytes().length;
  header.write('yyyyuua(yv)', ['l'.charCodeAt(0), message.type, 0, 1, length, message.serial, fields]);
  header.align(8);
  return Buffer.concat([header.bytes(), body.bytes()]);
}

/** The length of the message that these bytes begin with; undefined while too few are there to tell. */
export function messageLength(bytes: Buffer): number | undefined {
  if (bytes.length < FIXED_HEADER) return undefined;
  const read = (at: number) => (isLittle(bytes) ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const fields = FIXED_HEADER + read(12);
  const length = fields + (-fields & 7) + read(4);
  if (length > MAX_MESSAGE) throw new KubeletError('a D-Bus message is larger than allowed', { code: 'DBus' });
  return length;
}

/** Reads one whole message. Throws KubeletError `DBus` on bytes that are none. */
export function decodeMessage(bytes: Buffer): DBusMessage {
  const reader = new DBusReader(bytes, isLittle(bytes));
  const [, type, , , , serial, fields] = reader.read('yyyyuua(yv)');
  const message: Record<string, DBusValue> = { type: type!, serial: serial! };
  for (const field of fields as readonly DBusValue[]) {
    const [code, content] = field as readonly [number, Variant];
    const known = FIELDS.find(([, number, expected]) => number === code && expected === content.signature);
    if (known) message[known[0]] = content.value;
  }
  reader.align(8);
  const body = reader.read(typeof message.signature === 'string' ? message.signature : '');
  return { ...message, body } as unknown as DBusMessage;
}

function isLittle(bytes: Buffer): boolean {
  if (bytes[0] === 0x6c) return true;
  if (bytes[0] === 0x42) return false;
  throw new KubeletError('the peer does not speak D-Bus', { code: 'DBus' });
}
