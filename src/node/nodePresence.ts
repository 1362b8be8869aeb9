import type { Logger } from '../lib/logger.ts';

/** Whether the Node object exists, as far as updates found out; each change is logged once. */
export class NodePresence {
  readonly #log: Logger;
  readonly #node: string;
  readonly #registers: boolean;
  #gone = false;

  /** `registers`: a start of this process registers the node; only for the words. */
  constructor(log: Logger, node: string, registers: boolean) {
    this.#log = log;
    this.#node = node;
    this.#registers = registers;
  }

  /** The last update that said anything about it did not find it. */
  get isGone(): boolean {
    return this.#gone;
  }

  /** An update did not find it. */
  gone(): void {
    if (this.#gone) return;
    this.#gone = true;
    const cure = this.#registers ? 'restart the agent to register it again' : 'create it: registerNode is off';
    this.#log.error(`The Node object does not exist; its status is not written until somebody creates it (${cure})`, {
      node: this.#node,
    });
  }

  /** An update found it. */
  there(): void {
    if (!this.#gone) return;
    this.#gone = false;
    this.#log.info('The Node object is there again', { node: this.#node });
  }
}
