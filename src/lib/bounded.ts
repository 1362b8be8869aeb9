/** Bytes of an error's text, a status message or a field of a log line that anybody else chooses: a container's last words have as many. */
export const MESSAGE_BYTES = 4096;
/** Bytes of an Event's message: the API's limit for events.k8s.io (NoteLengthLimit). */
export const EVENT_BYTES = 1024;
/** Bytes of any error's message: some of ours list many problems. */
export const ERROR_BYTES = 16_384;

/**
 * `text` in at most `maxBytes` bytes of UTF-8 (32 or more). Of a longer one the beginning and the end are kept, because errors name the
 * operation first and the cause last, with a note of how much is missing between them. Its cost depends on `maxBytes`, not on the text,
 * and the answer does not hold the text in memory.
 */
export function bounded(text: string, maxBytes = MESSAGE_BYTES): string {
  if (text.length * 3 <= maxBytes) return text;
  if (text.length <= maxBytes && Buffer.byteLength(text) <= maxBytes) return text;
  const note = ` …[${text.length} characters, cut]… `;
  const room = Math.max(0, maxBytes - Buffer.byteLength(note));
  const tail = Math.floor(room / 4);
  return `${firstBytes(text, room - tail)}${note}${lastBytes(text, tail)}`;
}

/** Whole characters of the beginning in at most `bytes` bytes, copied. */
export function firstBytes(text: string, bytes: number): string {
  const target = Buffer.allocUnsafe(bytes);
  const { written } = new TextEncoder().encodeInto(text.slice(0, bytes), target);
  return target.toString('utf8', 0, written);
}

function lastBytes(text: string, bytes: number): string {
  const all = Buffer.from(text.slice(text.length - bytes));
  let start = Math.max(0, all.length - bytes);
  // Not in the middle of a character: its further bytes are 10xxxxxx.
  while (start < all.length && ((all[start] as number) & 0xc0) === 0x80) start++;
  return all.toString('utf8', start);
}
