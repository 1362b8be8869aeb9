/** The path and query of a request, decoded once. */
export interface RequestTarget {
  readonly path: string;
  readonly query: URLSearchParams;
}

/**
 * Reads the target of a request line; undefined when it is malformed. The path is decoded but never normalised: `..`, `.`, empty
 * segments and NUL are refused whether they were escaped or not, so no later step can see another path than authorization did.
 */
export function requestTarget(url: string): RequestTarget | undefined {
  const local = url.startsWith('/') ? url : absoluteForm(url);
  if (local === undefined) return undefined;
  const at = local.indexOf('?');
  const path = decoded(at < 0 ? local : local.slice(0, at));
  if (path === undefined || /\0|\/\//.test(path) || /(?:^|\/)\.{1,2}(?:\/|$)/.test(path)) return undefined;
  const query = at < 0 ? '' : local.slice(at + 1);
  return decoded(query.replaceAll('+', ' ')) === undefined ? undefined : { path, query: new URLSearchParams(query) };
}

function absoluteForm(url: string): string | undefined {
  const match = /^https?:\/\/[^/?#]*(\/[^#]*)?$/i.exec(url);
  return match ? (match[1] ?? '/') : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
