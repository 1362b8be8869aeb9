/** Just enough DER (X.690) to write a certificate request; reading certificates is node:crypto's work. */

const LONG_FORM = 0x80;

function length(bytes: number): Buffer {
  if (bytes < LONG_FORM) return Buffer.from([bytes]);
  const digits: number[] = [];
  for (let rest = bytes; rest > 0; rest >>>= 8) digits.unshift(rest & 0xff);
  return Buffer.from([LONG_FORM | digits.length, ...digits]);
}

/** One element: tag, length, and the parts one after the other. */
export function element(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), length(body.length), body]);
}

export const sequence = (...parts: readonly Buffer[]): Buffer => element(0x30, ...parts);
export const set = (...parts: readonly Buffer[]): Buffer => element(0x31, ...parts);
export const octets = (body: Buffer): Buffer => element(0x04, body);
export const utf8 = (text: string): Buffer => element(0x0c, Buffer.from(text));
/** Whole bytes: no unused bits at the end. */
export const bits = (body: Buffer): Buffer => element(0x03, Buffer.from([0]), body);
/** A small number, 0 to 127. */
export const integer = (value: number): Buffer => element(0x02, Buffer.from([value]));

/** An object identifier in dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return element(0x06, Buffer.from([40 * first + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) digits.unshift(0x80 | (rest & 0x7f));
  return digits;
}

/** The text form of DER bytes, e.g. of label `CERTIFICATE REQUEST`. */
export function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
