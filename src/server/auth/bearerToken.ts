import type { IncomingMessage } from 'node:http';

/** The subprotocol by which browsers send a token. */
const PREFIX = 'base64url.bearer.authorization.k8s.io.';

/** A token, or what is wrong with the way it is sent; neither: there is none. */
export interface BearerToken {
  readonly token?: string;
  readonly problem?: string;
}

/** The token of an Authorization header, or of the WebSocket subprotocol that browsers use in its place. Sentences are the API machinery's. */
export function bearerToken({ headers }: Pick<IncomingMessage, 'headers'>): BearerToken {
  const match = /^\s*bearer\s+(\S+)\s*$/i.exec(headers.authorization ?? '');
  if (match?.[1]) return { token: match[1] };
  if (headers.upgrade?.toLowerCase() !== 'websocket') return {};
  const [encoded, ...more] = protocolsOf(headers['sec-websocket-protocol'], true);
  if (encoded === undefined) return {};
  if (more.length > 0) return { problem: 'multiple base64.bearer.authorization tokens specified' };
  const token = decode(encoded.slice(PREFIX.length));
  if (token === undefined) return { problem: 'invalid base64.bearer.authorization token encoding' };
  if (token === '') return {};
  // The one with the token is taken out before the runtime sees the request, so there must be one that it can take up.
  if (protocolsOf(headers['sec-websocket-protocol'], false).length === 0)
    return { problem: 'missing additional subprotocol' };
  return { token };
}

/** The value of a Sec-WebSocket-Protocol header without tokens; undefined when nothing is left. */
export function withoutToken(header: string): string | undefined {
  const kept = protocolsOf(header, false);
  return kept.length > 0 ? kept.join(',') : undefined;
}

function protocolsOf(header: string | undefined, tokens: boolean): string[] {
  const all = (header ?? '').split(',').map((p) => p.trim());
  return all.filter((p) => p !== '' && p.startsWith(PREFIX) === tokens);
}

function decode(encoded: string): string | undefined {
  if (!/^[\w-]*$/.test(encoded)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64url'));
  } catch {
    return undefined;
  }
}
