// The two messages of grpc.health.v1.Health/Check, small enough to be read and written by hand.

const STATUS_NAMES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const FRAME_HEADER = 5;

/** A HealthCheckRequest in its gRPC frame: one flag byte, four bytes of length, field 1 (the service) unless empty. */
export function healthRequest(service: string): Buffer {
  const name = Buffer.from(service, 'utf8');
  const body = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name]);
  const frame = Buffer.alloc(FRAME_HEADER);
  frame.writeUInt32BE(body.length, 1);
  return Buffer.concat([frame, body]);
}

/** The status in a framed HealthCheckResponse by its name (a number when unknown); undefined when it is no such message. */
export function healthStatus(framed: Buffer): string | undefined {
  if (framed.length < FRAME_HEADER || framed[0] !== 0) return undefined;
  const body = framed.subarray(FRAME_HEADER, FRAME_HEADER + framed.readUInt32BE(1));
  if (body.length !== framed.readUInt32BE(1)) return undefined;
  let status = 0;
  for (let at = 0; at < body.length; ) {
    const key = readVarint(body, at);
    if (key === undefined || key.value !== 0x08) return undefined;
    const value = readVarint(body, key.end);
    if (value === undefined) return undefined;
    status = value.value;
    at = value.end;
  }
  return STATUS_NAMES[status] ?? String(status);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function readVarint(bytes: Buffer, start: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 128 ** i;
    if (byte < 0x80) return { value, end: start + i + 1 };
  }
  return undefined;
}
