import { Random } from '../../../lib/fake/random.ts';
import { decodeFrame, encodeFrame, FrameError, type TunnelFrame, varint } from './frames.ts';
import { encodeMessage, MessageReader, OPCODE, WebSocketError } from './webSocketFrames.ts';

const hex = (frame: Exclude<TunnelFrame, { kind: 'unknown' }>, id: bigint) => encodeFrame(frame, id).toString('hex');

// As Go's remotedialer v0.6.2 writes them.
test.each([
  [
    { kind: 'connect', connection: 1n, protocol: 'tcp', address: '127.0.0.1:10250' },
    5n,
    `0a0204b0ea01${Buffer.from('tcp/127.0.0.1:10250').toString('hex')}`,
  ],
  [{ kind: 'data', connection: 300n, body: Buffer.from('hi') }, 1n, '02d80402b0ea016869'],
  [{ kind: 'error', connection: 2n, message: 'EOF' }, 1n, '020406454f46'],
  [{ kind: 'pause', connection: 2n }, 1n, '02040c'],
  [{ kind: 'resume', connection: 2n }, 1n, '02040e'],
  [{ kind: 'sync', connections: [2n, 1n] }, 1n, '02001001000000000000000200000000000000'],
] as [Exclude<TunnelFrame, { kind: 'unknown' }>, bigint, string][])('%j', (frame, id, bytes) => {
  expect(hex(frame, id)).toBe(bytes);
  const back = frame.kind === 'sync' ? { ...frame, connections: [1n, 2n] } : frame;
  expect(decodeFrame(Buffer.from(bytes, 'hex'))).toEqual(back);
});

test.each([0n, 1n, -1n, 63n, -64n, 64n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n)])('number %s comes back', (value) => {
  const message = Buffer.concat([varint(0n), varint(value), varint(6n)]);
  expect(decodeFrame(message)).toEqual({ kind: 'pause', connection: value });
});

test.each([
  ['', 'ends within'],
  ['02', 'ends within'],
  ['0204', 'ends within'],
  ['020404b0ea01', 'without an address'],
  ['02001001', 'cut short'],
  ['ffffffffffffffffff02', 'more than 64 bits'],
  ['ffffffffffffffffffff01', 'more than 64 bits'],
])('%j is no frame', (bytes, why) => expect(() => decodeFrame(Buffer.from(bytes, 'hex'))).toThrow(why));

test('frames of servers among each other and of later versions are known as such', () => {
  expect(decodeFrame(Buffer.from('020008', 'hex'))).toEqual({ kind: 'unknown', type: 4n });
  expect(decodeFrame(Buffer.from('0200c801', 'hex'))).toEqual({ kind: 'unknown', type: 100n });
});

test('any bytes are a frame or a FrameError; what is a frame comes back the same', () => {
  const random = new Random(7);
  for (let i = 0; i < 20_000; i++) {
    const bytes = Buffer.from(
      Array.from({ length: random.int(24) }, () => (random.chance(0.5) ? random.int(16) : random.int(256))),
    );
    let frame: TunnelFrame;
    try {
      frame = decodeFrame(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(FrameError);
      continue;
    }
    if (frame.kind === 'unknown') continue;
    const again = decodeFrame(encodeFrame(frame, BigInt(i)));
    if (frame.kind === 'sync') expect(new Set((again as typeof frame).connections)).toEqual(new Set(frame.connections));
    else expect(again).toEqual(frame);
  }
});

test('messages of a WebSocket come back whole, however they are cut into chunks', () => {
  const random = new Random(11);
  for (const masked of [false, true]) {
    for (let round = 0; round < 200; round++) {
      const reader = new MessageReader(1 << 20, masked);
      const payloads = Array.from({ length: 1 + random.int(5) }, () =>
        Buffer.alloc(random.pick(0, 1, 125, 126, 65_535, 65_536), random.int(256)),
      );
      const mask = () => (masked ? Buffer.from([1, 2, 3, random.int(256)]) : undefined);
      const wire = Buffer.concat(payloads.map((payload) => encodeMessage(OPCODE.binary, payload, mask())));
      const came: Buffer[] = [];
      for (let at = 0; at < wire.length; ) {
        const next = at + 1 + random.int(random.pick(3, 1000, 100_000));
        for (const { payload } of reader.push(wire.subarray(at, next))) came.push(payload);
        at = next;
      }
      expect(came.length).toBe(payloads.length);
      expect(came.every((each, i) => each.equals(payloads[i]!))).toBe(true);
    }
  }
});

const bytes = (...all: number[]) => Buffer.from(all);
test.each([
  ['more than it may', bytes(0x82, 127, 0, 0, 0, 0, 0, 16, 0, 1), 'more than 1048576'],
  ['a size of 2^63', bytes(0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0), 'more than'],
  ['a mask', bytes(0x82, 0x81, 1, 2, 3, 4, 5), 'masked'],
  ['extension bits', bytes(0xc2, 0), 'no extension'],
  ['an unknown kind', bytes(0x83, 0), 'unknown kind'],
  ['a ping in parts', bytes(0x09, 0), 'control frame'],
  ['a long ping', bytes(0x89, 126, 0, 200), 'control frame'],
  ['a continuation of nothing', bytes(0x80, 0), 'out of order'],
  ['a message within a message', bytes(0x02, 1, 1, 0x82, 1, 1), 'out of order'],
])('%s ends the WebSocket', (_name, wire, why) => {
  const reader = new MessageReader(1 << 20);
  expect(() => [...reader.push(wire)]).toThrow(why);
});

test('parts of a message are joined, control frames between them pass, and parts count even when they are empty', () => {
  const reader = new MessageReader(100_000);
  const came = [...reader.push(bytes(0x02, 1, 1, 0x89, 1, 9, 0x00, 1, 2, 0x80, 1, 3))];
  expect(came).toEqual([
    { opcode: OPCODE.ping, payload: bytes(9) },
    { opcode: OPCODE.binary, payload: bytes(1, 2, 3) },
  ]);
  expect(() => {
    for (const _ of reader.push(bytes(0x02, 0)));
    for (let i = 0; i < 10_000; i++) for (const _ of reader.push(bytes(0x00, 0)));
  }).toThrow(WebSocketError);
});

test('random bytes are messages or an error, and never more than they are', () => {
  const random = new Random(3);
  for (let i = 0; i < 5_000; i++) {
    const reader = new MessageReader(4096);
    try {
      for (let k = 0; k < 20; k++) {
        const chunk = Buffer.from(
          Array.from({ length: random.int(40) }, () =>
            random.chance(0.3) ? random.pick(0x82, 0x02, 0x00, 0x80, 0x89, 1) : random.int(256),
          ),
        );
        for (const { payload } of reader.push(chunk)) expect(payload.length).toBeLessThanOrEqual(800);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(WebSocketError);
    }
  }
});
