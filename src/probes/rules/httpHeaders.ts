import { goQuote } from '../../k8s/goText.ts';
import type { HTTPHeader } from '../../types/k8s.ts';

/** Name and value, in the order of sending. */
export type HeaderList = readonly (readonly [string, string])[];

/** Headers of a request, and the host it claims to be for when the action overrides it. */
export interface RequestHeaders {
  readonly host: string | undefined;
  readonly list: HeaderList;
  /** Why they cannot be sent, in the words of Go's net/http: the API server looks at names only. */
  readonly problem?: string;
}

const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what no value may have; a tab it may
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
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
  const problem = headerProblem(headers);
  return { host: first('Host') || undefined, list, ...(problem === undefined ? {} : { problem }) };
}

/** What net/http says of the first header that it would not send, those that it leaves out included. */
function headerProblem(headers: HeaderList): string | undefined {
  for (const [name, value] of headers) {
    if (!TOKEN.test(name)) return `net/http: invalid header field name ${goQuote(name)}`;
    if (CONTROL.test(value)) return `net/http: invalid header field value for ${goQuote(name)}`;
  }
  return undefined;
}

/** `x-forwarded-for` → `X-Forwarded-For`; names with characters that no header may have stay as they are. */
function canonicalName(name: string): string {
  if (!TOKEN.test(name)) return name;
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}
