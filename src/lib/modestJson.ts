/**
 * The value of a JSON text that a stranger chose. A text of a MiB of brackets or of tiny values takes a machine hundreds of milliseconds to
 * read, in which nothing else runs: one with more than `maxParts` of them (`{`, `[` and `,`, those in strings too) is refused unread.
 * Throws an Error whose message does not hold the text.
 */
export function parseModestJson(text: string, maxParts: number): unknown {
  let parts = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code !== COMMA && code !== BRACE && code !== BRACKET) continue;
    if (++parts > maxParts) throw new Error(`it has more than ${maxParts} parts`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it is not valid JSON');
  }
}

const [COMMA, BRACE, BRACKET] = [0x2c, 0x7b, 0x5b];
