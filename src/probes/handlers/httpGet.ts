import { domainToASCII } from 'node:url';
import { goQuote } from '../../k8s/goText.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Container, HTTPGetAction } from '../../types/k8s.ts';
import type { RequestHeaders } from '../rules/httpHeaders.ts';
import { requestHeaders } from '../rules/httpHeaders.ts';
import { resolvePort } from '../rules/port.ts';
import { redirect } from '../rules/redirect.ts';
import type { HttpUrl } from '../rules/url.ts';
import { actionUrl, hostProblem } from '../rules/url.ts';
import { deadline } from './deadline.ts';
import { NO_POD_IP, USER_AGENT_VERSION } from './handler.ts';
import { exchange, TIMED_OUT } from './httpExchange.ts';

/** A request of a probe or hook, ready to be sent. */
export interface GetRequest {
  readonly url: HttpUrl;
  readonly headers: RequestHeaders;
}

/** How a GET with its redirects ended; `problem` reads like an error of Go's http.Client, `Get "http://…": …`. */
export type GetResult =
  | { readonly status: number; readonly body: string }
  | { readonly problem: string; readonly during: 'headers' | 'body' };

/** The request of an httpGet action, or why there can be none. `purpose` goes into the User-Agent: kube-<purpose>/1.36. */
export function getRequest(
  action: HTTPGetAction,
  container: Container,
  podIP: string,
  purpose: 'probe' | 'lifecycle',
): GetRequest | { readonly problem: string } {
  const resolved = resolvePort(action.port, container);
  if ('problem' in resolved) return resolved;
  const host = (action.host || podIP).replace(/^\[(.*)\]$/, '$1');
  if (host === '') return { problem: NO_POD_IP };
  const scheme = (action.scheme || 'http').toLowerCase();
  const url = actionUrl(scheme, host, resolved.port, action.path ?? '');
  const problem = hostProblem(url);
  if (problem !== undefined) return { problem };
  return { url, headers: requestHeaders(action.httpHeaders, `kube-${purpose}/${USER_AGENT_VERSION}`) };
}

/** Sends the request and follows redirects to the same host. No proxy, no kept connections. `timeoutMs` 0: without end. Never rejects. */
export async function get(
  request: GetRequest,
  timeoutMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<GetResult> {
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = timeoutMs > 0 ? deadline(clock, timeoutMs, () => stop.abort(TIMED_OUT)) : undefined;
  try {
    return await follow(request, stop.signal);
  } finally {
    timer?.[Symbol.dispose]();
    signal.removeEventListener('abort', onAbort);
  }
}

async function follow(request: GetRequest, stop: AbortSignal): Promise<GetResult> {
  let url = request.url;
  if (request.headers.problem) return { problem: getError(url.text, request.headers.problem), during: 'headers' };
  let host = request.headers.host ?? url.authority;
  let referer: string | undefined;
  for (let hops = 1; ; hops++) {
    const answer = await exchange(url, rawHeaders(request.headers, host, referer), stop);
    if ('problem' in answer) {
      const problem = answer.during === 'headers' ? getError(url.text, answer.problem) : answer.problem;
      return { problem, during: answer.during };
    }
    const next = redirect(request.url, url, answer.status, answer.location, hops);
    if ('stop' in next) return answer;
    if ('problem' in next) return { problem: getError(next.url, next.problem), during: 'headers' };
    host = (next.keepHost && request.headers.host) || next.to.authority;
    referer = url.scheme === 'https' && next.to.scheme === 'http' ? undefined : url.text;
    url = next.to;
  }
}

function rawHeaders(headers: RequestHeaders, host: string, referer: string | undefined): string[] {
  const list = headers.list.flat();
  return [
    'Host',
    hostHeader(host),
    ...list,
    ...(referer === undefined ? [] : ['Referer', referer]),
    'Connection',
    'close',
  ];
}

/** What the Host header says for a host, with or without a port: one that cannot be said is left empty, as Go does. */
function hostHeader(host: string): string {
  const withoutZone = host.replace(/%[^\]]*(?=\])/, '');
  if (/^[\x21-\x7e]*$/.test(withoutZone))
    return /[^A-Za-z0-9!$%&()*+,\-.:;='[\]_~]/.test(withoutZone) ? '' : withoutZone;
  const [, name = '', port = ''] = /^(.*?)(:\d+)?$/s.exec(withoutZone) ?? [];
  const ascii = domainToASCII(name);
  return ascii === '' ? '' : `${ascii}${port}`;
}

function getError(url: string, problem: string): string {
  return `Get ${goQuote(url)}: ${problem}`;
}
