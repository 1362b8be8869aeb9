import type { Clock } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { type Keyring, locationMatches } from '../rules/credentials.ts';
import type { ProviderAnswer } from '../rules/providerAnswer.ts';
import type { ProviderConfig, TokenAttributes } from '../rules/providerConfig.ts';
import type { Coordinates, PullingPod } from '../types.ts';
import { CredentialCache } from './credentialCache.ts';
import type { ProviderRequest } from './execProvider.ts';
import { baseKey, baseKeys, bytesOf, hashOf, keyringOf } from './keptAnswer.ts';

/** What providers with tokenAttributes need of the API server. */
export interface ServiceAccounts {
  /** Rejects when it is not there. */
  get(
    namespace: string,
    name: string,
  ): Promise<{ readonly uid: string; readonly annotations: Readonly<Record<string, string>> }>;
  /** A token of the service account, bound to the Pod. */
  token(pod: PullingPod, serviceAccountUid: string, audience: string): Promise<string>;
}

/** What a provider works with. */
export interface ProviderOptions {
  readonly config: ProviderConfig;
  /** Runs the program. */
  readonly exec: (request: ProviderRequest) => Promise<ProviderAnswer>;
  readonly accounts: ServiceAccounts;
  readonly clock: Clock;
  readonly log: Logger;
}

/** On whose behalf the program is run. */
interface Identity {
  readonly token: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly account: Coordinates;
  /** What answers for it are kept under. */
  readonly cacheKey: string;
}

const NOTHING: Keyring = new Map();

/** One credential provider: when it is asked, for whom, and for how long its answers serve. */
export class CredentialProvider {
  readonly #options: ProviderOptions;
  readonly #cache = new CredentialCache();
  readonly #running = new Map<string, Promise<ProviderAnswer>>();

  constructor(options: ProviderOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.config.name;
  }

  /** Whether it is for images of this repository. */
  isFor(repository: string): boolean {
    return this.#options.config.matchImages.some((pattern) =>
      locationMatches(pattern.replace(/[?#].*$/, ''), repository),
    );
  }

  /** Its credentials for a repository; none when it fails, which is logged. Never rejects. */
  async provide(repository: string, pod: PullingPod | undefined): Promise<Keyring> {
    try {
      return await this.#provide(repository, pod);
    } catch (error) {
      const { token } = this.#options.config;
      this.#options.log.error('Failed to provide credentials for image', {
        provider: this.name,
        image: repository,
        ...(token &&
          pod && {
            pod: `${pod.namespace}/${pod.name}`,
            podUID: pod.uid,
            serviceAccount: `${pod.namespace}/${pod.serviceAccount}`,
          }),
        error: errorMessage(error),
      });
      return NOTHING;
    }
  }

  async #provide(image: string, pod: PullingPod | undefined): Promise<Keyring> {
    const { config, clock } = this.#options;
    const hasAccount = pod !== undefined && pod.serviceAccount !== '';
    if (config.token?.requireServiceAccount && !hasAccount) return NOTHING;
    const identity = config.token && hasAccount ? await this.#identify(config.token, pod) : undefined;
    if (identity === 'refused') return NOTHING;
    const source = identity && { serviceAccount: identity.account };
    const known = this.#cached(image, identity);
    if (known) return known;
    const answer = await this.#ask(image, identity);
    if (identity && config.token?.cacheType !== 'Token') refuseEcho(answer, identity.token);
    const keyring = keyringOf(answer, source);
    const cacheMs = answer.cacheMs ?? config.defaultCacheMs;
    if (cacheMs > 0) {
      this.#cache.set(this.#key(baseKey(answer, image), identity), {
        keyring,
        bytes: bytesOf(answer),
        expiresAt: clock.now().mono + cacheMs,
      });
    }
    return keyring;
  }

  /** 'refused': the service account lacks an annotation, which is how workloads opt in. */
  async #identify(token: TokenAttributes, pod: PullingPod): Promise<Identity | 'refused'> {
    const { accounts, log } = this.#options;
    const { namespace, serviceAccount: name } = pod;
    const account = await accounts.get(namespace, name).catch((error) => {
      throw new Error(`failed to get service account: ${errorMessage(error)}`);
    });
    const missing = token.requiredAnnotations.find((key) => !Object.hasOwn(account.annotations, key));
    if (missing !== undefined) {
      const fields = { provider: this.name, serviceAccount: `${namespace}/${name}` };
      log.debug('Failed to get service account data', { ...fields, error: `required annotation ${missing} not found` });
      return 'refused';
    }
    const wanted = [...token.requiredAnnotations, ...token.optionalAnnotations].sort();
    const given = wanted.filter((key) => Object.hasOwn(account.annotations, key));
    const annotations = Object.fromEntries(given.map((key) => [key, account.annotations[key]!]));
    const text = await accounts.token(pod, account.uid, token.audience).catch((error) => {
      throw new Error(`failed to get service account token: ${errorMessage(error)}`);
    });
    const perToken = token.cacheType === 'Token' ? [hashOf(text)] : [];
    return {
      ...{ token: text, annotations, account: { uid: account.uid, namespace, name } },
      cacheKey: JSON.stringify([namespace, name, account.uid, annotations, ...perToken]),
    };
  }

  #cached(image: string, identity: Identity | undefined): Keyring | undefined {
    const { mono } = this.#options.clock.now();
    for (const base of baseKeys(image)) {
      const found = this.#cache.get(this.#key(base, identity), mono);
      if (found) return found;
    }
    return undefined;
  }

  /** Of one length, whatever a tenant writes into the annotations of a service account. */
  #key(base: string, identity: Identity | undefined): string {
    return hashOf(JSON.stringify([base, identity?.cacheKey ?? '']));
  }

  /** One run for all who want the same at the same time. */
  #ask(image: string, identity: Identity | undefined): Promise<ProviderAnswer> {
    const key = JSON.stringify([image, identity ? [hashOf(identity.token), identity.annotations] : '']);
    const running = this.#running.get(key);
    if (running) return running;
    const { exec } = this.#options;
    const request = identity
      ? { image, serviceAccountToken: identity.token, serviceAccountAnnotations: identity.annotations }
      : { image };
    const started = exec(request)
      .catch((error) => {
        throw new Error(`failed to get credential from external registry credential provider: ${errorMessage(error)}`);
      })
      .finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }
}

/** A token lives as long as its Pod; only credentials that are kept for each token may be one. */
function refuseEcho({ logins }: ProviderAnswer, token: string): void {
  if (Object.values(logins).some(({ password }) => password === token)) {
    throw new Error(
      "credential provider plugin returned the service account token as the password which is not allowed when service account cache type is not set to 'Token'",
    );
  }
}
