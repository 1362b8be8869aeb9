import type { IncomingMessage } from 'node:http';
import { HttpError } from '../http/exchange.ts';
import { bearerToken } from './bearerToken.ts';
import type { CertificateVerdict } from './clientCertificate.ts';
import type { TokenReviewer } from './reviews.ts';
import { anonymousUser, authenticated, type UserInfo } from './user.ts';

/** Who a request comes from; or, in one sentence, why that is not known. */
export type Authentication = { readonly user: UserInfo } | { readonly user?: undefined; readonly problem: string };

export interface AuthenticatorOptions {
  /** Judges the connection's client certificate; absent without a client CA. */
  readonly certificate?: (request: IncomingMessage) => CertificateVerdict;
  /** Absent when the webhook is off or there is no API server. */
  readonly token?: TokenReviewer;
  readonly anonymous: boolean;
}

/**
 * Certificate first, then bearer token; the first that names a user wins. Credentials that were shown and are wrong are an error even
 * where anonymous requests are let in. Rejects with an HttpError when nobody can be asked just now.
 */
export async function authenticate(request: IncomingMessage, options: AuthenticatorOptions): Promise<Authentication> {
  const verdict = options.certificate?.(request) ?? { state: 'none' };
  if (verdict.state === 'user') return { user: authenticated(verdict.user) };
  const problems = verdict.state === 'untrusted' ? [`client certificate: ${verdict.message}`] : [];
  const { token, problem } = options.token ? bearerToken(request) : {};
  if (problem !== undefined) problems.push(problem);
  if (token !== undefined && options.token) {
    try {
      const user = await options.token(token);
      if (user) return { user: authenticated(user) };
      problems.push('invalid bearer token');
    } catch (error) {
      if (error instanceof HttpError) throw error;
      problems.push(`bearer token: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (problems.length > 0) return { problem: problems.join('; ') };
  return options.anonymous ? { user: anonymousUser } : { problem: 'no credentials' };
}
