// Answers that are put together from encoded pieces: what changes seldom is encoded once.

/** An answer of a unary handler that is encoded already. */
export class Encoded {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

const LENGTH_DELIMITED = 2;

/** Field `id` of a message (below 16, as one byte), holding a message that these pieces make up one after the other. */
export function embedded(id: number, pieces: readonly Uint8Array[]): Uint8Array[] {
  const head = [(id << 3) | LENGTH_DELIMITED];
  let left = pieces.reduce((sum, { length }) => sum + length, 0);
  for (; left > 0x7f; left >>>= 7) head.push((left & 0x7f) | 0x80);
  return [Uint8Array.of(...head, left), ...pieces];
}
