import type { Cri } from '../cri/client.ts';
import { type BackoffPolicy, backoffDelay } from '../lib/backoff.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Node } from '../types/k8s.ts';

const RETRY: BackoffPolicy = { initialMs: 1_000, maxMs: 60_000, jitter: 0.2 };

/**
 * Tells the runtime which addresses the node's Pods get (UpdateRuntimeConfig): runtimes that write their own network configuration
 * from a template are not network-ready before. Told once for each value, and again until the runtime has taken it.
 */
export class PodCidr implements Disposable {
  readonly #stop = new AbortController();
  readonly #cri: Pick<Cri, 'updateRuntimeConfig'>;
  readonly #tools: { readonly clock: Clock; readonly log: Logger };
  #wanted = '';
  #told = '';
  #telling = false;

  constructor(cri: Pick<Cri, 'updateRuntimeConfig'>, tools: { readonly clock: Clock; readonly log: Logger }) {
    this.#cri = cri;
    this.#tools = tools;
  }

  /** The Node object as the API server has it now. Without addresses in it nothing changes. */
  seen(node: Node): void {
    const cidrs = node.spec?.podCIDRs ?? (node.spec?.podCIDR ? [node.spec.podCIDR] : []);
    if (cidrs.length > 0) this.want(cidrs.join(','));
  }

  /** Addresses as CIDRs, separated by commas; empty: none are known. */
  want(cidrs: string): void {
    this.#wanted = cidrs;
    void this.#tell();
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  async #tell(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    const { clock, log } = this.#tools;
    const { signal } = this.#stop;
    for (let attempt = 0; this.#wanted !== this.#told && !signal.aborted; ) {
      const podCidr = this.#wanted;
      try {
        await this.#cri.updateRuntimeConfig({ networkConfig: { podCidr } }, { signal });
        log.info('the runtime was told the addresses of Pods', { podCIDR: podCidr, before: this.#told });
        this.#told = podCidr;
        attempt = 0;
      } catch (error) {
        if (signal.aborted) break;
        if (attempt === 0)
          log.warn('Failed to tell the runtime the addresses of Pods; tried again', { error: errorMessage(error) });
        await sleep(clock, backoffDelay(RETRY, attempt, Math.random()), signal).catch(() => {});
        attempt += 1;
      }
    }
    this.#telling = false;
  }
}
