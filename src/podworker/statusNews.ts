import type { Pod, PodStatus } from '../types/k8s.ts';

/** Most turns of a worker say what the last one said: that is not news for the publisher. */
export class StatusNews {
  #last = '';

  /** Whether the status is another one than at the last call, or for a Pod that is being deleted since. */
  isNew(pod: Pod, status: PodStatus): boolean {
    const key = `${pod.metadata?.deletionTimestamp ?? ''} ${JSON.stringify(status)}`;
    if (key === this.#last) return false;
    this.#last = key;
    return true;
  }

  /** Whatever comes next is new. */
  forget(): void {
    this.#last = '';
  }
}
