import { KubeletError } from '../../../lib/errors.ts';

/**
 * What the two ends of a k3s tunnel say to each other (the protocol of rancher's remotedialer): each binary WebSocket message is one
 * frame. Connections are numbered by the server, which opens them.
 */
export type TunnelFrame =
  /** Bytes of a connection. */
  | { readonly kind: 'data'; readonly connection: bigint; readonly body: Buffer }
  /** Open a connection to `address`, e.g. protocol `tcp`, address `127.0.0.1:10250`. */
  | { readonly kind: 'connect'; readonly connection: bigint; readonly protocol: string; readonly address: string }
  /** The connection is over; `EOF` means in good order. */
  | { readonly kind: 'error'; readonly connection: bigint; readonly message: string }
  /** Send no more bytes of this connection, until `resume`. */
  | { readonly kind: 'pause' | 'resume'; readonly connection: bigint }
  /** The connections that the sender still knows; the receiver ends its others. */
  | { readonly kind: 'sync'; readonly connections: readonly bigint[] }
  /** Of servers among each other, or of a later version: nothing to do. */
  | { readonly kind: 'unknown'; readonly type: bigint };

const TYPES = { data: 1n, connect: 2n, error: 3n, pause: 6n, resume: 7n, sync: 8n } as const;
/** A field that old ends read and nobody uses: 15 s. */
const DEADLINE = 15_000n;
/** As long as the other end takes them. */
const ADDRESS_BYTES = 266;
const ERROR_BYTES = 100;
const VARINT_BYTES = 10;

/** What came is no frame: the tunnel cannot go on. */
export class FrameError extends KubeletError {
  constructor(why: string) {
    super(`the other end of the tunnel sent what is no frame: ${why}`, { code: 'InvalidFrame' });
  }
}

/** Reads one message. Throws FrameError. The body of `data` is a view of `message`. */
export function decodeFrame(message: Buffer): TunnelFrame {
  const at = { offset: 0 };
  readVarint(message, at); // numbers of messages are for people
  const connection = readVarint(message, at);
  const type = readVarint(message, at);
  if (type === TYPES.data || type === TYPES.connect) readVarint(message, at);
  const body = message.subarray(at.offset);
  switch (type) {
    case TYPES.data:
      return { kind: 'data', connection, body };
    case TYPES.connect: {
      const text = body.subarray(0, ADDRESS_BYTES).toString('utf8');
      const slash = text.indexOf('/');
      if (slash < 0) throw new FrameError('a connect without an address');
      return { kind: 'connect', connection, protocol: text.slice(0, slash), address: text.slice(slash + 1) };
    }
    case TYPES.error:
      return { kind: 'error', connection, message: body.subarray(0, ERROR_BYTES).toString('utf8') };
    case TYPES.pause:
      return { kind: 'pause', connection };
    case TYPES.resume:
      return { kind: 'resume', connection };
    case TYPES.sync:
      if (body.length % 8 !== 0) throw new FrameError('a list of connections that is cut short');
      return {
        kind: 'sync',
        connections: Array.from({ length: body.length / 8 }, (_, i) => body.readBigInt64LE(i * 8)),
      };
    default:
      return { kind: 'unknown', type };
  }
}

/** The message for a frame; `id` numbers messages. */
export function encodeFrame(frame: Exclude<TunnelFrame, { kind: 'unknown' }>, id: bigint): Buffer {
  const connection = frame.kind === 'sync' ? 0n : frame.connection;
  const head = [varint(id), varint(connection), varint(TYPES[frame.kind])];
  switch (frame.kind) {
    case 'data':
      return Buffer.concat([...head, varint(DEADLINE), frame.body]);
    case 'connect':
      return Buffer.concat([...head, varint(DEADLINE), Buffer.from(`${frame.protocol}/${frame.address}`)]);
    case 'error':
      return Buffer.concat([...head, Buffer.from(frame.message)]);
    case 'sync': {
      // The other end compares two sorted lists.
      const ids = [...frame.connections].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
      const body = Buffer.alloc(ids.length * 8);
      ids.forEach((each, i) => void body.writeBigInt64LE(each, i * 8));
      return Buffer.concat([...head, body]);
    }
    default:
      return Buffer.concat(head);
  }
}

/** Go's binary.PutVarint: zig-zag, seven bits a byte, the lowest first. */
export function varint(value: bigint): Buffer {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes: number[] = [];
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

function readVarint(message: Buffer, at: { offset: number }): bigint {
  let value = 0n;
  for (let i = 0; i < VARINT_BYTES; i++) {
    const byte = message[at.offset++];
    if (byte === undefined) throw new FrameError('it ends within its head');
    // The tenth byte holds the last of 64 bits.
    if (i === VARINT_BYTES - 1 && byte > 1) break;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
  }
  throw new FrameError('a number in its head has more than 64 bits');
}
