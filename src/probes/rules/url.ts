import { goQuote } from '../../k8s/goText.ts';
import { hostPort } from './port.ts';

/** Where an HTTP request goes. */
export interface HttpUrl {
  readonly scheme: string;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** What the Host header says. */
  readonly authority: string;
  /** Path and query as they are sent. */
  readonly target: string;
  /** The whole URL, for messages. */
  readonly text: string;
}

const VALID_PATH = /^(?:[A-Za-z0-9\-_.~!$&'()*+,;=:@[\]/]|%[0-9A-Fa-f]{2})*$/;
const BROKEN_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what Go's URL parser refuses
const CONTROL = /[\x00-\x1f\x7f]/;
/** What a host is written with as it is; a percent sign comes with the zone of an IPv6 address. */
const UNSENDABLE_IN_HOST = /[^A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"]+/g;
/** ASCII that no host has, percent sign apart. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are among it
const FORBIDDEN_IN_HOST = /[\x00-\x20#/?@\\^`{|}\x7f]/;
const KEPT = /[A-Za-z0-9\-_.~$&+,/:;=@]/;

/**
 * The URL of an httpGet action. Its `path` may carry a query; a scheme or host in it is dropped; a path that is no valid URL
 * is taken literally and escaped, as Go's net/url does it.
 */
export function actionUrl(scheme: string, host: string, port: number, path: string): HttpUrl {
  const authority = hostPort(host, port);
  const { target, fragment } = BROKEN_ESCAPE.test(path) || CONTROL.test(path) ? literal(path) : parsed(path);
  const rooted = target === '' || /^[/?]/.test(target) ? target : `/${target}`;
  const sent = rooted.startsWith('/') ? rooted : `/${rooted}`;
  const shown = hostPort(host.replace(UNSENDABLE_IN_HOST, percent), port);
  return { scheme, host, port, authority, target: sent, text: `${scheme}://${shown}${rooted}${fragment}` };
}

/** Why no request can go to the URL's host, in the words of Go's net/url; undefined: one can. */
export function hostProblem({ host, text }: HttpUrl): string | undefined {
  const forbidden = FORBIDDEN_IN_HOST.exec(host)?.[0];
  const problem =
    forbidden !== undefined
      ? `invalid URL escape ${goQuote(percent(forbidden))}`
      : host.includes('[')
        ? host.includes(']')
          ? 'invalid IP-literal'
          : "missing ']' in host"
        : host.includes(':') && !URL.canParse(`http://[${host.replace(/%.*$/s, '')}]`)
          ? `invalid host: ParseAddr(${goQuote(host)}): unable to parse IP`
          : undefined;
  return problem === undefined ? undefined : `parse ${goQuote(text)}: ${problem}`;
}

function literal(path: string): { target: string; fragment: string } {
  return { target: escapePath(path), fragment: '' };
}

function parsed(path: string): { target: string; fragment: string } {
  const [beforeFragment, fragment] = cut(path, '#');
  const [full, query] = cut(beforeFragment, '?');
  const raw = full.replace(/^[A-Za-z][A-Za-z0-9+.-]*:(?=\/)/, '').replace(/^\/\/[^/]*/, '');
  const target = VALID_PATH.test(raw) ? raw : escapePath(decode(raw));
  return {
    target: query === undefined ? target : `${target}?${escapeUnsendable(query)}`,
    fragment: fragment === undefined ? '' : `#${fragment}`,
  };
}

function cut(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // escapes that are no UTF-8
  }
}

function escapePath(path: string): string {
  return [...path].map((char) => (KEPT.test(char) ? char : percent(char))).join('');
}

/** A query goes out as written, but for what may not stand in a request line. */
function escapeUnsendable(query: string): string {
  return query.replace(/[^\x21-\x7e]+/g, percent);
}

function percent(text: string): string {
  return [...Buffer.from(text, 'utf8')].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

/** A Location header's URL seen from `base`; undefined when it is none. */
export function resolveLocation(base: HttpUrl, location: string): HttpUrl | undefined {
  if (!URL.canParse(location, base.text)) return undefined;
  const url = new URL(location, base.text);
  const scheme = url.protocol.slice(0, -1);
  const port = url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { scheme, host, port, authority: url.host, target: `${url.pathname}${url.search}`, text: url.href };
}

/** Whether a Location stands on its own, with scheme and host. */
export function isAbsolute(location: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:/.test(location);
}
