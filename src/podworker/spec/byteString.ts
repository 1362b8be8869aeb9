// A byte string holds one byte in each character. Secrets need not be UTF-8, and the Go kubelet passes their bytes through
// expansion into the container unchanged; JavaScript strings of text would replace them.

/** Characters beyond ASCII are rare in environments; without them a text is its own byte string. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
const ASCII = /^[\x00-\x7f]*$/;

/** The UTF-8 bytes of `text` as a byte string. */
export function bytesOfText(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** The bytes that base64 text stands for, as a byte string. */
export function bytesOfBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('latin1');
}

/** A byte string read as UTF-8; bytes that are no text become U+FFFD. */
export function textOfBytes(bytes: string): string {
  return ASCII.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Whether textOfBytes would lose something. */
export function isText(bytes: string): boolean {
  return ASCII.test(bytes) || bytesOfText(textOfBytes(bytes)) === bytes;
}
