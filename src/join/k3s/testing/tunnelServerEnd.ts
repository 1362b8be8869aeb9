import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { decodeFrame, encodeFrame, type TunnelFrame } from '../tunnel/frames.ts';
import { encodeMessage, MessageReader, OPCODE } from '../tunnel/webSocketFrames.ts';

/** One connection through a tunnel, as the API server's side has it. */
export interface TunnelledConnection {
  readonly id: bigint;
  send(bytes: Buffer): void;
  /** All that came. */
  received(): Buffer;
  /** What the other end said last: `EOF`, or why it failed; undefined while it is open. */
  ended(): string | undefined;
  /** pause and resume frames as they came. */
  readonly flow: string[];
  end(message?: string): void;
}

/** The server's end of a tunnel. */
export class TunnelServerEnd {
  readonly node: string;
  readonly socket: TLSSocket;
  /** Every frame that came. */
  readonly frames: TunnelFrame[] = [];
  pings = 0;
  readonly #reader = new MessageReader(8 << 20, true);
  readonly #connections = new Map<bigint, { chunks: Buffer[]; over?: string; flow: string[] }>();
  #next = 1n;
  #number = 1n;

  static accept(node: string, request: IncomingMessage, socket: TLSSocket, head: Buffer): TunnelServerEnd {
    const key = String(request.headers['sec-websocket-key']);
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    return new TunnelServerEnd(node, socket, head);
  }

  private constructor(node: string, socket: TLSSocket, head: Buffer) {
    this.node = node;
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    if (head.length > 0) this.#read(head);
  }

  connect(address: string, protocol = 'tcp'): TunnelledConnection {
    this.#next += 1n;
    const id = this.#next;
    const state: { chunks: Buffer[]; over?: string; flow: string[] } = { chunks: [], flow: [] };
    this.#connections.set(id, state);
    this.send({ kind: 'connect', connection: id, protocol, address });
    return {
      id,
      send: (body) => this.send({ kind: 'data', connection: id, body }),
      received: () => Buffer.concat(state.chunks),
      ended: () => state.over,
      flow: state.flow,
      end: (message = 'EOF') => this.send({ kind: 'error', connection: id, message }),
    };
  }

  send(frame: Exclude<TunnelFrame, { kind: 'unknown' }>): void {
    this.#number += 1n;
    this.raw(encodeFrame(frame, this.#number));
  }

  /** A message of any bytes. */
  raw(message: Buffer, opcode: number = OPCODE.binary): void {
    if (!this.socket.destroyed) this.socket.write(encodeMessage(opcode, message));
  }

  /** As a network does: without a word. */
  cut(): void {
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    for (const { opcode, payload } of this.#reader.push(chunk)) {
      if (opcode === OPCODE.ping) {
        this.pings++;
        this.raw(payload, OPCODE.pong);
      } else if (opcode === OPCODE.binary) this.#take(decodeFrame(payload));
    }
  }

  #take(frame: TunnelFrame): void {
    this.frames.push(frame);
    if (frame.kind === 'sync' || frame.kind === 'unknown') return;
    const state = this.#connections.get(frame.connection);
    if (!state) return;
    if (frame.kind === 'data') state.chunks.push(frame.body);
    else if (frame.kind === 'error') state.over ??= frame.message;
    else state.flow.push(frame.kind);
  }
}
