import type { Clock } from '../../lib/clock.ts';
import { KubeletError } from '../../lib/errors.ts';
import { printableLine } from '../../lib/printable.ts';
import { ask, type SupervisorAnswer, type Trust } from './ask.ts';
import type { Servers } from './servers.ts';
import type { JoinToken } from './token.ts';
import { UnavailableError } from './unavailableError.ts';

export interface SupervisorOptions {
  readonly servers: Servers;
  readonly token: JoinToken;
  readonly trust: Trust;
  readonly clock: Clock;
  /** The node's client certificate, if there is one. */
  readonly pair: () => { readonly cert: string; readonly key: string } | undefined;
}

export interface Call {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly signal?: AbortSignal;
}

/** The supervisors of the cluster: a request goes to the first that answers and is ready. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  #pair: SupervisorOptions['pair'];

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#pair = options.pair;
  }

  /** From now on this certificate is shown. */
  present(pair: SupervisorOptions['pair']): void {
    this.#pair = pair;
  }

  /**
   * The answer to a request that every supervisor answers alike. With the node's certificate first, and once more with the token alone
   * when that is refused: the server forgets a certificate with its Node. Rejects only when no server answers.
   */
  async request(path: string, call: Call = {}): Promise<SupervisorAnswer> {
    let failure: unknown;
    let notReady: SupervisorAnswer | undefined;
    for (const address of this.#options.servers.supervisors()) {
      try {
        const answer = await this.#ask(new URL(path, `https://${address}`), call);
        if (answer.status < 500) return answer;
        notReady = answer;
      } catch (error) {
        call.signal?.throwIfAborted();
        failure = error;
      }
      this.#options.servers.failed(address);
    }
    if (notReady) return notReady;
    throw failure;
  }

  /** The body of a GET. Rejects with a sentence for every status but 200; an UnavailableError when the server is only not ready yet. */
  async get(path: string, signal?: AbortSignal): Promise<Buffer> {
    const { status, body } = await this.request(path, signal && { signal });
    if (status !== 200) throw refusal(path, status, body);
    return body;
  }

  async #ask(url: URL, { headers = {}, ...call }: Call): Promise<SupervisorAnswer> {
    const { token, trust, clock } = this.#options;
    const question = { ...call, headers: { ...headers, authorization: token.authorization }, trust, clock };
    const own = this.#pair();
    if (!own) return await ask(url, question);
    const first = await ask(url, { ...question, pair: own });
    return first.status === 401 ? await ask(url, question) : first;
  }
}

/** The sentence for an answer that is not what was asked for. What the server says is quoted only where it holds no configuration. */
export function refusal(path: string, status: number, body: Buffer): KubeletError {
  if (status === 401) {
    return new KubeletError(
      'the server refused the token (401): it is another cluster’s, was mistyped, was replaced (k3s token rotate) or, if it is a bootstrap token, has expired; get one from /var/lib/rancher/k3s/server/node-token or with k3s token create on the server',
      { code: 'TokenRefused' },
    );
  }
  if (status === 403) {
    return new KubeletError(
      `the server does not let this token ask for ${path} (403): it needs the token of an agent or a server (groups k3s:agent, system:nodes or system:bootstrappers)`,
      { code: 'TokenForbidden' },
    );
  }
  if (status === 503 || status === 500 || status === 502 || status === 504) {
    return new UnavailableError(`the server is not ready yet: ${path} answered ${status}`, {
      code: 'ServerNotReady',
    });
  }
  const said = printableLine(body.subarray(0, 300).toString('utf8')).trim();
  return new KubeletError(`the server answered ${path} with ${status}${said === '' ? '' : `: ${said}`}`, {
    code: 'Refused',
  });
}
