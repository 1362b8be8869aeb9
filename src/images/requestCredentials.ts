import type { ImageFacts } from './imageFacts.ts';
import type { ImageRequest } from './imageRequest.ts';
import type { NodeAuths } from './nodeAuths.ts';
import { without } from './rules/imageFact.ts';
import { parseImageName } from './rules/imageName.ts';
import type { RegistryLogin } from './types.ts';

/** The credentials for a request: looked up once, and no earlier than they are needed. Which provider is waited for becomes a fact. */
export class RequestCredentials {
  readonly #facts: ImageFacts;
  readonly #nodeAuths: NodeAuths | undefined;
  readonly #logins = new WeakMap<ImageRequest, Promise<readonly RegistryLogin[]>>();

  constructor(facts: ImageFacts, nodeAuths: NodeAuths | undefined) {
    this.#facts = facts;
    this.#nodeAuths = nodeAuths;
  }

  /** The Pod's credentials, then the node's. Rejects only on abort. */
  of(request: ImageRequest): Promise<readonly RegistryLogin[]> {
    const known = this.#logins.get(request);
    if (known) return known;
    const asked = this.#ask(request);
    this.#logins.set(request, asked);
    return asked;
  }

  async #ask(request: ImageRequest): Promise<readonly RegistryLogin[]> {
    const name = parseImageName(request.image);
    const own = request.auths ?? [];
    const nodeAuths = this.#nodeAuths;
    if ('error' in name || !nodeAuths) return own;
    const { pod, signal, podUid, image } = request;
    const onWait = (provider: string | undefined) => {
      if (!this.#facts.has(podUid)) return; // the Pod has gone meanwhile
      const base = without(this.#facts.get(podUid, image), 'provider');
      this.#facts.set(request, provider === undefined ? base : { ...base, provider });
    };
    return [...own, ...(await nodeAuths(name.repository, { ...(pod && { pod }), ...(signal && { signal }), onWait }))];
  }
}
