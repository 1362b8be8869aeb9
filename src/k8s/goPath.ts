/** Go's filepath.Clean of an absolute path: no `.`, `..`, doubled or last slash. Lexical: links are not looked at. */
export function cleanAbsolute(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
