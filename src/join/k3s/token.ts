import { KubeletError } from '../../lib/errors.ts';

/** What a k3s token says. Its secret must never be logged. */
export interface JoinToken {
  /** SHA-256 of the cluster's CA, 64 hex digits in lower case; absent in a short token, which pins no CA. */
  readonly caHash?: string;
  /** What goes into the `Authorization` header. */
  readonly authorization: string;
  /** Of `k3s token create`: it expires, and has no user. */
  readonly bootstrap: boolean;
}

const PREFIX = 'K10';
const HASH = /^[0-9a-f]{64}$/i;
const BOOTSTRAP = /^[a-z0-9]{6}\.[a-z0-9]{16}$/;
/** The longest token that is looked at; a server's own has about 130 characters. */
const LONGEST = 4096;
const WHERE = 'the whole token stands in /var/lib/rancher/k3s/server/node-token of the server';

/**
 * Reads a token in one of k3s' forms: `K10<hash>::<user>:<password>`, `K10<hash>::<id>.<secret>` (a bootstrap token), and both without
 * their `K10<hash>::`. A node always is the user `node`, whatever the token says. Throws one sentence, without the token in it.
 */
export function parseToken(text: string): JoinToken {
  const token = text.trim();
  if (token === '') throw wrong(`the token is empty: ${WHERE}`);
  if (token.length > LONGEST) throw wrong(`the token has more than ${LONGEST} characters, so it is none: ${WHERE}`);
  if (/[^\x21-\x7e]/.test(token))
    throw wrong(`the token holds a blank, a line break or a character that is not ASCII: ${WHERE}`);
  if (!token.startsWith(PREFIX)) return credentials(token, token);
  const rest = token.slice(PREFIX.length);
  const at = rest.indexOf('::');
  if (at < 0)
    throw wrong(
      `the token begins with ${PREFIX} and has no '::' after its CA hash, as if its end were missing: ${WHERE}`,
    );
  const hash = rest.slice(0, at);
  const secret = rest.slice(at + 2);
  if (hash !== '' && !HASH.test(hash)) {
    throw wrong(
      `the CA hash of the token (between ${PREFIX} and '::') must be 64 hex digits, and has ${hash.length} characters: ${WHERE}`,
    );
  }
  if (secret === '') throw wrong(`nothing comes after the '::' of the token, where the password should be: ${WHERE}`);
  if (BOOTSTRAP.test(secret)) return withHash(hash, credentials(secret, secret));
  const colon = secret.indexOf(':');
  if (colon < 0 || colon === secret.length - 1) {
    throw wrong(
      `what comes after the '::' of the token must be user:password or a bootstrap token such as abcdef.0123456789abcdef: ${WHERE}`,
    );
  }
  return withHash(hash, credentials(secret, secret.slice(colon + 1)));
}

function credentials(whole: string, password: string): JoinToken {
  if (BOOTSTRAP.test(whole)) return { authorization: `Bearer ${whole}`, bootstrap: true };
  return { authorization: `Basic ${Buffer.from(`node:${password}`).toString('base64')}`, bootstrap: false };
}

function withHash(hash: string, token: JoinToken): JoinToken {
  return hash === '' ? token : { ...token, caHash: hash.toLowerCase() };
}

function wrong(sentence: string): KubeletError {
  return new KubeletError(sentence, { code: 'InvalidToken' });
}
