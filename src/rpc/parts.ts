import protobuf from 'protobufjs/light.js';

/** How messages lie in each other at most; deeper ones count as one part. */
const MAX_DEPTH = 16;
const LENGTH_DELIMITED = 2;

/**
 * How many fields an encoded message has, those of the messages in it too; counting ends above `most`. A few bytes may be millions of
 * fields, each of which becomes an object: who decodes for others counts first. Bytes that are no message count as far as they are read.
 */
export function countParts(type: protobuf.Type, bytes: Uint8Array, most: number): number {
  let count = 0;
  const reader = protobuf.Reader.create(bytes);
  const read = (of: protobuf.Type | undefined, end: number, depth: number): void => {
    while (reader.pos < end && count <= most) {
      const tag = reader.uint32();
      count += 1;
      const field = of?.fieldsById[tag >>> 3];
      const inner = field && !field.map && field.resolvedType instanceof protobuf.Type ? field.resolvedType : undefined;
      if ((tag & 7) !== LENGTH_DELIMITED) reader.skipType(tag & 7);
      else {
        const length = reader.uint32();
        const inside = reader.pos + length;
        if (inner && depth < MAX_DEPTH && inside <= end) read(inner, inside, depth + 1);
        reader.pos = inside;
      }
    }
  };
  try {
    read(type, bytes.length, 0);
  } catch {
    // The decoder says what is wrong.
  }
  return count;
}
