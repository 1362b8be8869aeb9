import { KubeletError } from '../../../lib/errors.ts';

/** What frames of a WebSocket are for (RFC 6455, 5.2). */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A whole message, its parts joined, or a control frame. */
export interface WebSocketMessage {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** The other end does not keep to the protocol, or sends more than is taken. */
export class WebSocketError extends KubeletError {
  constructor(why: string) {
    super(`the other end of the WebSocket ${why}`, { code: 'WebSocket' });
  }
}

/** One whole frame. A client's are masked: `mask` are four random bytes. */
export function encodeMessage(opcode: number, payload: Buffer, mask?: Buffer): Buffer {
  const { length } = payload;
  const sizeBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = 2 + sizeBytes + (mask ? 4 : 0);
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = 0x80 | opcode;
  frame[1] = (mask ? 0x80 : 0) | (sizeBytes === 0 ? length : sizeBytes === 2 ? 126 : 127);
  if (sizeBytes === 2) frame.writeUInt16BE(length, 2);
  if (sizeBytes === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  payload.copy(frame, head);
  if (mask) {
    mask.copy(frame, head - 4, 0, 4);
    unmask(frame.subarray(head), mask);
  }
  return frame;
}

function unmask(payload: Buffer, mask: Buffer): void {
  for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] as number) ^ (mask[i & 3] as number);
}

/** Makes messages of the bytes that come, and keeps at most `longest` of them. */
export class MessageReader {
  readonly #longest: number;
  readonly #masked: boolean;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #parts: Buffer[] = [];
  #partBytes = 0;
  #opcode: number | undefined;

  /** `masked`: the other end is a client, which must mask; a server must not. */
  constructor(longest: number, masked = false) {
    this.#longest = longest;
    this.#masked = masked;
  }

  /** The messages that are whole with this chunk. Throws WebSocketError. */
  *push(chunk: Buffer): Generator<WebSocketMessage> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    for (let message = this.#next(); message !== undefined; message = this.#next()) if (message) yield message;
  }

  /** undefined: more bytes are needed; null: a part of a message. */
  #next(): WebSocketMessage | null | undefined {
    if (this.#bytes < 2) return undefined;
    const [first = 0, second = 0] = this.#peek(2);
    const short = second & 0x7f;
    const sizeBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    this.#check(first, second, short);
    const head = 2 + sizeBytes + (this.#masked ? 4 : 0);
    if (this.#bytes < head) return undefined;
    const bytes = this.#peek(head);
    const length = sizeBytes === 0 ? short : sizeBytes === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    if (length + this.#partBytes > this.#longest)
      throw new WebSocketError(`sent a message of more than ${this.#longest} bytes`);
    if (this.#bytes < head + length) return undefined;
    this.#take(head);
    let payload = this.#take(length);
    if (this.#masked) {
      payload = Buffer.from(payload);
      unmask(payload, bytes.subarray(head - 4));
    }
    return this.#frame(first & 0x0f, (first & 0x80) !== 0, payload);
  }

  #check(first: number, second: number, short: number): void {
    const opcode = first & 0x0f;
    if ((first & 0x70) !== 0) throw new WebSocketError('sent bits that no extension has a meaning for');
    if (((second & 0x80) !== 0) !== this.#masked)
      throw new WebSocketError(this.#masked ? 'did not mask' : 'masked what it sent');
    if (opcode >= 8 && ((first & 0x80) === 0 || short > 125))
      throw new WebSocketError('sent a control frame in parts or too long');
    if (opcode > 10 || (opcode > 2 && opcode < 8)) throw new WebSocketError(`sent a frame of unknown kind (${opcode})`);
  }

  #frame(opcode: number, final: boolean, payload: Buffer): WebSocketMessage | null {
    if (opcode >= 8) return { opcode, payload };
    if ((opcode === OPCODE.continuation) !== (this.#opcode !== undefined))
      throw new WebSocketError('sent the parts of a message out of order');
    if (final && opcode !== OPCODE.continuation) return { opcode, payload };
    this.#opcode ??= opcode;
    // A part costs memory even when it is empty.
    this.#partBytes += payload.length + 64;
    this.#parts.push(payload);
    if (!final) return null;
    const message = { opcode: this.#opcode, payload: Buffer.concat(this.#parts) };
    this.#opcode = undefined;
    this.#parts = [];
    this.#partBytes = 0;
    return message;
  }

  /** The first `count` bytes, of one chunk where they are in one. */
  #peek(count: number): Buffer {
    const [first] = this.#chunks as [Buffer];
    if (first.length < count) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!.subarray(0, count);
  }

  #take(count: number): Buffer {
    if (count === 0) return Buffer.alloc(0);
    const bytes = this.#peek(count);
    const rest = this.#chunks[0]!.subarray(count);
    if (rest.length === 0) this.#chunks.shift();
    else this.#chunks[0] = rest;
    this.#bytes -= count;
    return bytes;
  }
}
