import type { ApiClient } from '../../api/client.ts';
import { Reflector } from '../../api/reflector.ts';
import { Backoff } from '../../lib/backoffCounter.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Node } from '../../types/k8s.ts';

export interface NodeAnnotationsOptions {
  readonly client: ApiClient;
  readonly nodeName: string;
  readonly internalIps: readonly string[];
  readonly externalIps: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
}

const RETRY = { initialMs: 1_000, maxMs: 30_000, jitter: 1 };

/**
 * Keeps the annotations from which k3s' cloud controller takes the Node's addresses. Until they are there it leaves the Node its taint
 * node.cloudprovider.kubernetes.io/uninitialized.
 */
export class NodeAnnotations implements Disposable {
  readonly #options: NodeAnnotationsOptions;
  readonly #wanted: Readonly<Record<string, string>>;
  readonly #stop = new AbortController();
  readonly #reflector: Reflector<'Node'>;
  #writing = false;
  #seen: Node | undefined;

  constructor(options: NodeAnnotationsOptions) {
    this.#options = options;
    const { internalIps, externalIps, nodeName, client, clock, random } = options;
    this.#wanted = {
      'k3s.io/hostname': nodeName,
      'k3s.io/internal-ip': internalIps.join(','),
      ...(externalIps.length > 0 ? { 'k3s.io/external-ip': externalIps.join(',') } : {}),
    };
    const seen = (node: Node) => void this.#look(node);
    this.#reflector = new Reflector(
      client,
      'Node',
      { fieldSelector: `metadata.name=${nodeName}` },
      { onAdd: seen, onUpdate: seen },
      { clock, random },
    );
  }

  start(): this {
    this.#reflector.start();
    return this;
  }

  [Symbol.dispose](): void {
    this.#stop.abort(new Error('the agent ends'));
    this.#reflector[Symbol.dispose]();
  }

  /** Rejects never. */
  async #look(node: Node): Promise<void> {
    this.#seen = node;
    if (this.#writing || !this.#lacks(node)) return;
    this.#writing = true;
    const { client, nodeName, clock, random, log } = this.#options;
    const { signal } = this.#stop;
    const backoff = new Backoff(RETRY, random);
    while (!signal.aborted && this.#lacks(this.#seen)) {
      try {
        this.#seen = await client.patch(
          'Node',
          { name: nodeName },
          'strategic',
          { metadata: { annotations: this.#wanted } },
          { signal },
        );
      } catch (error) {
        if (signal.aborted) break;
        log.warn('the Node has not got the annotations of its addresses yet', { error: errorMessage(error) });
        await sleep(clock, backoff.next(), signal).catch(() => {});
      }
    }
    this.#writing = false;
  }

  #lacks(node: Node): boolean {
    return Object.entries(this.#wanted).some(([name, value]) => node.metadata?.annotations?.[name] !== value);
  }
}
