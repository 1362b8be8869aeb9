import type { HTTPHeader } from '../../types/k8s.ts';

/** Name and value, in the order of sending. */
export type HeaderList = readonly (readonly [string, string])[];

/** Headers of a request, and the host it claims to be for when the action overrides it. */
export interface RequestHeaders {
  readonly host: string | undefined;
  readonly list: HeaderList;
}

const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/;
/** Framing is the client's own; Go leaves these out as well. */
const NEVER_SENT = new Set(['Host', 'Content-Length', 'Transfer-Encoding', 'Trailer']);

/**
 * Headers of an httpGet action with the defaults of the API page "Configure Probes": User-Agent and `Accept: *\/*` unless
 * given; an empty value of these two takes them away. Other headers are sent even if empty, repeated ones each.
 */
export function requestHeaders(given: readonly HTTPHeader[] = [], userAgent: string): RequestHeaders {
  const headers = given.map(({ name, value }) => [canonicalName(name), value ?? ''] as const);
  const first = (name: string) => headers.find(([n]) => n === name)?.[1];
  const list: [string, string][] = [];
  const agent = first('User-Agent') ?? userAgent;
  if (agent !== '') list.push(['User-Agent', agent]);
  if (first('Accept') === undefined) list.push(['Accept', '*/*']);
  for (const [name, value] of headers) {
    if (NEVER_SENT.has(name) || name === 'User-Agent') continue;
    if (name === 'Accept' && first('Accept') === '') continue;
    list.push([name, value]);
  }
  return { host: first('Host') || undefined, list };
}

/** `x-forwarded-for` → `X-Forwarded-For`; names with characters that no header may have stay as they are. */
export function canonicalName(name: string): string {
  if (!TOKEN.test(name)) return name;
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}
