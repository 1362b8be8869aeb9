import { createHmac, randomBytes } from 'node:crypto';
import type { ApiClient } from '../../api/client.ts';
import type { Clock } from '../../lib/clock.ts';
import type { SubjectAccessReview, TokenReview } from '../../types/k8s.ts';
import { AnswerCache } from './answerCache.ts';
import type { UserInfo } from './user.ts';

/** The API server does not answer a review for ever; kubelet waits as long. */
const REVIEW_TIMEOUT_MS = 10_000;
const MAX_ANSWERS = 8192;

/** Whose token it is; undefined when it is nobody's. Rejects when the API server cannot be asked. */
export type TokenReviewer = (token: string) => Promise<UserInfo | undefined>;

/** Whether the user may use this subresource of the node. Rejects when the API server cannot be asked. */
export type AccessReviewer = (user: UserInfo, verb: string, subresource: string) => Promise<boolean>;

/** Asks the TokenReview API; yes and no are kept for `ttlMs`. Tokens are kept as keyed digests only. */
export function tokenReviewer(client: Pick<ApiClient, 'create'>, clock: Clock, ttlMs: number): TokenReviewer {
  const cache = new AnswerCache<UserInfo | undefined>(
    () => clock.now().mono,
    MAX_ANSWERS,
    (user) => user !== undefined,
  );
  const secret = randomBytes(32);
  const ask = async (token: string): Promise<UserInfo | undefined> => {
    const review: TokenReview = await client.create(
      'TokenReview',
      { spec: { token } },
      { timeoutMs: REVIEW_TIMEOUT_MS },
    );
    const { authenticated, error, user } = review.status ?? {};
    // "authenticated" wins over a message; a message alone is the API server's trouble, not the token's fault.
    if (!authenticated && error) throw new Error(`the token review failed: ${error}`);
    if (!authenticated || !user?.username) return undefined;
    return {
      name: user.username,
      groups: user.groups ?? [],
      ...(user.uid ? { uid: user.uid } : {}),
      ...(user.extra ? { extra: user.extra } : {}),
    };
  };
  return (token) =>
    cache.get(
      createHmac('sha256', secret).update(token).digest('base64'),
      () => ask(token),
      () => ttlMs,
    );
}

export interface AccessTtls {
  readonly allowedMs: number;
  readonly deniedMs: number;
}

/** Asks the SubjectAccessReview API about `nodes/<nodeName>`. */
export function accessReviewer(
  client: Pick<ApiClient, 'create'>,
  clock: Clock,
  nodeName: string,
  ttls: AccessTtls,
): AccessReviewer {
  const cache = new AnswerCache<boolean>(() => clock.now().mono, MAX_ANSWERS, Boolean);
  return (user, verb, subresource) => {
    const spec: SubjectAccessReview['spec'] = {
      user: user.name,
      groups: [...user.groups],
      ...(user.uid ? { uid: user.uid } : {}),
      ...(user.extra ? { extra: user.extra as Record<string, string[]> } : {}),
      resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: nodeName },
    };
    const ask = async () => {
      const review = await client.create('SubjectAccessReview', { spec }, { timeoutMs: REVIEW_TIMEOUT_MS });
      return review.status?.allowed === true && review.status.denied !== true;
    };
    return cache.get(JSON.stringify(spec), ask, (allowed) => (allowed ? ttls.allowedMs : ttls.deniedMs));
  };
}
