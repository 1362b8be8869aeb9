// PEM as Go's encoding/pem reads it: what stands between blocks, and headers in them, are passed over.

const BLOCK = /^-----BEGIN ([^\r\n]*)-----[ \t]*\r?\n([\s\S]*?)^-----END \1-----[ \t]*\r?$/gm;
const HEADERS = /^(?:[^\r\n:]*:[^\r\n]*\r?\n)+\r?\n?/;

/** The bytes of each block of a text, in order; one that is no base64 is left out. */
export function pemBlocks(text: string): Buffer[] {
  return [...text.matchAll(BLOCK)].flatMap(([, , body = '']) => {
    const plain = body.replace(HEADERS, '').replace(/\s/g, '');
    const bytes = Buffer.from(plain, 'base64');
    return plain !== '' && bytes.toString('base64') === plain ? [bytes] : [];
  });
}
