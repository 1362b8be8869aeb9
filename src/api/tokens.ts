import { type Clock, realClock } from '../lib/clock.ts';
import { KubeletError } from '../lib/errors.ts';
import type { TokenRequest } from '../types/k8s.ts';
import { isNoRelationship, isNotFound } from './apiError.ts';
import type { ApiClient } from './client.ts';

/** A token of a service account, bound to one Pod. */
export interface TokenSpec {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly podName: string;
  readonly podUid: string;
  /** None: the API server's own audiences. */
  readonly audiences?: readonly string[];
  readonly expirationSeconds: number;
  /** The service account that is meant: another one of its name gets none. */
  readonly serviceAccountUid?: string;
}
export interface IssuedToken {
  readonly token: string;
  /** Wall clock, milliseconds. */
  readonly expiresAt: number;
  /** When it should be replaced: at 80 % of its life or after 24 h, less up to 10 s of jitter. Wall clock, milliseconds. */
  readonly refreshAt: number;
}

const DAY_MS = 24 * 3600 * 1000;
const JITTER_MS = 10_000;
/** The Node authorizer and the admission learn of a Pod within milliseconds of its binding; asked again in these steps, at first. */
const UNSEEN_STEP_MS = 50;
const UNSEEN_STEPS = 20;
/** The API server issues none shorter. */
const MIN_SECONDS = 600;

interface Entry {
  readonly podUid: string;
  issued: IssuedToken | undefined;
  pending: Promise<IssuedToken> | undefined;
}

/**
 * The Pods' service account tokens. Equal requests share one token until it is time for a new one; at most one request for it is
 * under way. While the API server is away a token that has not expired yet goes on serving.
 */
export class TokenManager {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #entries = new Map<string, Entry>();

  constructor(client: ApiClient, options: { clock?: Clock; random?: () => number } = {}) {
    this.#client = client;
    this.#clock = options.clock ?? realClock;
    this.#random = options.random ?? Math.random;
  }

  /** A token that need not be replaced yet. Rejects with what the client says when there is none and none can be had. */
  async get(spec: TokenSpec): Promise<IssuedToken> {
    const { namespace, serviceAccount, podUid, podName, audiences = [], expirationSeconds, serviceAccountUid } = spec;
    const key = JSON.stringify([
      ...[namespace, serviceAccount, podUid, podName, audiences, expirationSeconds, serviceAccountUid],
    ]);
    const entry: Entry = this.#entries.get(key) ?? { podUid, issued: undefined, pending: undefined };
    this.#entries.set(key, entry);
    const { issued } = entry;
    if (issued && this.#clock.now().wall < issued.refreshAt) return issued;
    entry.pending ??= this.#request(spec).finally(() => {
      entry.pending = undefined;
    });
    try {
      entry.issued = await entry.pending;
      return entry.issued;
    } catch (error) {
      if (issued && this.#clock.now().wall < issued.expiresAt) return issued;
      if (!entry.issued) this.#entries.delete(key);
      throw error;
    }
  }

  /** Forgets the tokens of a Pod that is gone. */
  forget(podUid: string): void {
    for (const [key, entry] of this.#entries) if (entry.podUid === podUid) this.#entries.delete(key);
  }

  /** How many tokens are kept. */
  get size(): number {
    return this.#entries.size;
  }

  /** Asks, and again while the API server's own caches have not seen the Pod. */
  async #ask(spec: TokenSpec, ask: () => Promise<TokenRequest>): Promise<TokenRequest> {
    for (let step = 1; ; step += 1) {
      try {
        return await ask();
      } catch (error) {
        const unseen = isNoRelationship(error) || podIsUnknown(error, spec.podName);
        if (!unseen || step > UNSEEN_STEPS) throw error;
        await new Promise<void>((resolve) => void this.#clock.setTimer(UNSEEN_STEP_MS, resolve));
      }
    }
  }

  async #request(spec: TokenSpec): Promise<IssuedToken> {
    const seconds = Math.max(spec.expirationSeconds, MIN_SECONDS);
    const body: TokenRequest = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      ...(spec.serviceAccountUid && { metadata: { uid: spec.serviceAccountUid } }),
      spec: {
        audiences: spec.audiences ?? [],
        expirationSeconds: seconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: spec.podName, uid: spec.podUid },
      },
    };
    const ref = { namespace: spec.namespace, name: spec.serviceAccount };
    const answer = await this.#ask(spec, () =>
      this.#client.createSub<TokenRequest>('ServiceAccount', ref, 'token', body),
    );
    const expiresAt = Date.parse(answer.status?.expirationTimestamp ?? '');
    if (!answer.status?.token || Number.isNaN(expiresAt)) {
      const where = `${spec.namespace}/${spec.serviceAccount}`;
      throw new KubeletError(`the API server answered a token request for service account ${where} without a token`, {
        code: 'EmptyToken',
      });
    }
    // The server may grant another life than asked for; it says so in the spec that it returns.
    const lifeMs = (answer.spec?.expirationSeconds ?? seconds) * 1000;
    const due = Math.min(expiresAt - 0.2 * lifeMs, expiresAt - lifeMs + DAY_MS);
    return { token: answer.status.token, expiresAt, refreshAt: due - this.#random() * JITTER_MS };
  }
}

/** Not the service account is missing, but the Pod that the token would be bound to (NodeRestriction's message, or the storage's). */
function podIsUnknown(error: unknown, name: string): boolean {
  return (
    isNotFound(error) && /^pods? "/.test((error as Error).message) && (error as Error).message.includes(`"${name}"`)
  );
}
