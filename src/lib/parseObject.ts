/** The JSON object that the text is. Throws the end of a sentence about the file if it is none. `reviver`: as JSON.parse takes it. */
export function parseObject(text: string, reviver?: Parameters<typeof JSON.parse>[1]): Record<string, unknown> {
  let file: unknown;
  try {
    file = JSON.parse(text, reviver);
  } catch {
    throw new Error('it is no JSON');
  }
  if (typeof file !== 'object' || file === null || Array.isArray(file)) throw new Error('it is no JSON object');
  return file as Record<string, unknown>;
}
