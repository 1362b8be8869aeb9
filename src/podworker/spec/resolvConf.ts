/** The part of a resolv.conf that Pods inherit. */
export interface ResolvConf {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

/** A resolv.conf's text, or the one thing that can be wrong with it: a nameserver line without an address. */
export type ParsedResolvConf = ResolvConf | { readonly error: string };

/**
 * Reads a resolv.conf: nameserver lines add up, of the search lines the last one counts (a lone `.` and a trailing dot are
 * dropped, so that one domain does not count twice), options add up with the last value of a name.
 */
export function parseResolvConf(text: string): ParsedResolvConf {
  const servers: string[] = [];
  let searches: string[] = [];
  const options = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [keyword = '', ...rest] = line.trim().split(/\s+/);
    if (keyword.startsWith('#')) continue;
    if (keyword === 'nameserver') {
      if (rest[0] === undefined) return { error: 'nameserver list is empty ' };
      servers.push(rest[0]);
    } else if (keyword === 'search') {
      searches = rest.filter((s) => s !== '.').map((s) => (s.endsWith('.') ? s.slice(0, -1) : s));
    } else if (keyword === 'options') {
      for (const option of rest) options.set(option.split(':')[0] ?? '', option);
    }
  }
  return { servers, searches, options: [...options.values()] };
}
