// node hack/images/tokenServer.ts PORT SERVICE ISSUER KEY CERTIFICATE LOGINS: gives tokens for a registry, by HTTP. LOGINS is a JSON file of
// passwords by user, read at each request; a user may do everything with repositories below its own name, and nothing with others.
import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';

const [port = '', service = '', issuer = '', keyFile = '', certificateFile = '', loginsFile = ''] =
  process.argv.slice(2);
const key = createPrivateKey(readFileSync(keyFile));
const certificate = new X509Certificate(readFileSync(certificateFile)).raw.toString('base64');
const LIFETIME_S = 300;

interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/** A JSON Web Token as the registry checks it: signed by the key whose certificate it trusts. */
function issue(user: string, access: readonly Access[]): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer,
    sub: user,
    aud: service,
    exp: now + LIFETIME_S,
    nbf: now - 5,
    iat: now,
    jti: randomUUID(),
    access,
  };
  const parts = [{ typ: 'JWT', alg: 'ES256', x5c: [certificate] }, claims];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** What is asked for, as far as the user may: `repository:tenant-a/app:pull,push`. */
function granted(user: string, scopes: readonly string[]): Access[] {
  return scopes.flatMap((scope) => {
    const [type = '', name = '', actions = ''] = scope.split(':');
    return type === 'repository' && name.startsWith(`${user}/`) ? [{ type, name, actions: actions.split(',') }] : [];
  });
}

async function bodyOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return new URLSearchParams(text);
}

/** By Basic authentication, or in the form of OAuth 2 (`grant_type=password`); undefined without any. */
function loginOf(request: IncomingMessage, form: URLSearchParams): [user: string, password: string] | undefined {
  if (form.get('grant_type') === 'password') return [form.get('username') ?? '', form.get('password') ?? ''];
  const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (basic === undefined) return undefined;
  const [user = '', password = ''] = Buffer.from(basic, 'base64').toString().split(/:(.*)/s);
  return [user, password];
}

createServer(async (request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const form = request.method === 'POST' ? await bodyOf(request) : new URLSearchParams();
  const login = loginOf(request, form);
  const logins = JSON.parse(readFileSync(loginsFile, 'utf8')) as Record<string, string>;
  const isKnown = login !== undefined && logins[login[0]] === login[1];
  // Who logs in wrongly is refused; who does not log in gets a token for nothing.
  if (login !== undefined && !isKnown) {
    response.writeHead(401, { 'content-type': 'application/json' }).end('{"details":"incorrect username or password"}');
    return;
  }
  const scopes = [...url.searchParams.getAll('scope'), ...(form.get('scope') ?? '').split(' ')];
  const token = issue(login?.[0] ?? '', login ? granted(login[0], scopes) : []);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({ token, access_token: token, expires_in: LIFETIME_S, issued_at: new Date().toISOString() }),
  );
}).listen(Number(port), '127.0.0.1');
