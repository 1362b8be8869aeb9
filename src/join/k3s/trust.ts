import type { Clock } from '../../lib/clock.ts';
import { KubeletError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { ask, type Trust } from './ask.ts';
import { caHash } from './caHash.ts';
import { UnavailableError } from './unavailableError.ts';

export interface TrustOptions {
  readonly server: URL;
  /** What the token pins. */
  readonly caHash: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Whom to believe from now on. With a CA hash in the token nothing but the CA that it pins is taken, unless that CA did not sign the
 * server's certificate and the machine's CAs did. Without one: the machine's CAs, else whatever the server sends, with a warning.
 * Rejects with one sentence when the CA is not the pinned one.
 */
export async function trustServer({ server, caHash: pinned, clock, log }: TrustOptions): Promise<Trust> {
  const url = new URL('/cacerts', server);
  if (pinned === undefined && (await isBelieved(url, 'system', clock))) return 'system';
  const { status, body } = await ask(url, { trust: 'anybody', clock });
  if (status !== 200) throw notK3s(url, status);
  const hash = caHash(body);
  if (pinned === undefined) {
    log.warn('the token has no CA hash, so the CA of the server is taken unseen; use the whole token of the server', {
      server: server.origin,
      caHash: hash,
    });
  } else if (hash !== pinned) {
    throw new KubeletError(
      `the CA of ${server.origin} is not the one that the token names (its hash is ${hash}, in the token ${pinned}): either that is another cluster or somebody in between, or its CA was replaced; get the token anew from /var/lib/rancher/k3s/server/node-token of the server, over a way that you trust`,
      { code: 'ChangedCa' },
    );
  }
  const trust = { ca: body.toString('latin1') };
  if (await isBelieved(url, trust, clock)) return trust;
  if (pinned !== undefined && (await isBelieved(url, 'system', clock))) return 'system';
  throw new KubeletError(
    `the certificate of ${server.origin} is signed neither by the CA that it sends itself nor by one of this machine: something between here and the server ends TLS; give --server the address of the server itself`,
    { code: 'SupervisorUntrusted' },
  );
}

async function isBelieved(url: URL, trust: Trust, clock: Clock): Promise<boolean> {
  try {
    await ask(url, { trust, clock });
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'SupervisorUntrusted') return false;
    throw error;
  }
}

function notK3s(url: URL, status: number): KubeletError {
  const answered = `${url.href} answered ${status}`;
  if (status >= 500) return new UnavailableError(answered, { code: 'NotK3s' });
  const advice = 'is --server the URL of a k3s server, such as https://10.0.0.1:6443?';
  return new KubeletError(`${answered}: ${advice}`, { code: 'NotK3s' });
}
