import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorMessage } from '../../lib/errors.ts';
import { nodeAttributes } from '../auth/attributes.ts';
import { type AuthenticatorOptions, authenticate } from '../auth/authenticate.ts';
import { authorize } from '../auth/authorize.ts';
import type { AccessReviewer } from '../auth/reviews.ts';
import type { UserInfo } from '../auth/user.ts';
import type { ServerHost } from '../host.ts';
import { HttpError, sendText, type Upgrade } from './exchange.ts';
import type { RequestMetrics } from './requestMetrics.ts';
import { findRoute, type Route } from './route.ts';
import { servedSpan } from './servedSpan.ts';
import { requestTarget } from './target.ts';

/** Who may ask what. */
export interface Access {
  readonly authenticator: AuthenticatorOptions;
  /** Absent with AlwaysAllow. */
  readonly review?: AccessReviewer;
}

export interface HandlerOptions {
  readonly host: ServerHost;
  readonly routes: Readonly<Record<string, Route>>;
  readonly requests: RequestMetrics;
  /** Absent on the listener without authentication, which serves only the read-only routes. */
  readonly access?: Access;
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade) => Promise<void>;

/** Answers requests: who, may they, which route. Authorization comes before routing, so nobody can probe for paths. Never rejects. */
export function makeHandler(options: HandlerOptions): RequestHandler {
  const { requests, access } = options;
  return async (request, response, upgrade) => {
    const method = request.method ?? 'GET';
    const target = requestTarget(request.url ?? '');
    const ended = requests.begin(method, target?.path ?? '', access ? 'readwrite' : 'readonly');
    const gone = new AbortController();
    response.once('close', () => {
      ended();
      gone.abort();
    });
    try {
      if (!target) throw new HttpError(400, 'The path or query of the request is malformed.\n');
      const user = access && (await admit(request, method, target.path, access, options.host));
      const { route, pattern, params } = select(options, method, target.path);
      const exchange = { request, response, method, ...target, params, user, upgrade, signal: gone.signal };
      const handle = async () => route.handle(exchange, options.host);
      const { tracing } = options.host;
      await (tracing ? servedSpan(tracing, exchange, pattern, handle) : handle());
    } catch (error) {
      fail(error, request, response, method, options.host);
    }
  };
}

async function admit(
  request: IncomingMessage,
  method: string,
  path: string,
  { authenticator, review }: Access,
  { log }: ServerHost,
): Promise<UserInfo> {
  const who = await authenticate(request, authenticator);
  if (!who.user) {
    log.debug('a request was not authenticated', { method, path, reason: who.problem });
    throw new HttpError(401, 'Unauthorized');
  }
  const verdict = await authorize(who.user, nodeAttributes(method, path), review);
  if (verdict.allowed) return who.user;
  if (verdict.status === 500)
    log.error('a request could not be authorized', { method, path, error: errorMessage(verdict.cause) });
  else log.debug('a request was refused', { method, path, user: who.user.name });
  throw new HttpError(verdict.status, verdict.text);
}

function select({ routes, access, host }: HandlerOptions, method: string, path: string) {
  const match = findRoute(routes, path);
  if (!match || (!access && !match.route.readOnly)) throw new HttpError(404, '404: Page Not Found');
  const disabled = match.route.disabled?.(host.config);
  if (disabled !== undefined) throw new HttpError(405, `${disabled}\n`);
  const allowed = match.route.methods;
  const asked = method === 'HEAD' ? 'GET' : method;
  if (allowed && !allowed.includes(asked as 'GET')) throw new HttpError(405, '405: Method Not Allowed');
  return match;
}

function fail(error: unknown, request: IncomingMessage, response: ServerResponse, method: string, host: ServerHost) {
  if (!(error instanceof HttpError))
    host.log.error('a request failed', { method, path: request.url?.split('?')[0], error: errorMessage(error) });
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const known = error instanceof HttpError ? error : new HttpError(500, errorMessage(error));
  for (const [name, value] of Object.entries(known.headers)) response.setHeader(name, value);
  sendText({ response, method }, known.status, known.message);
}
