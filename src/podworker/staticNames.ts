/**
 * Static Pods of one full name (namespace/name) run one at a time, first come first served: an edited manifest has a new
 * UID, and its Pod starts when the old one is over.
 */
export class StaticNames {
  readonly #queues = new Map<string, string[]>();

  /** Queues for the name. Returns the UID that holds it, if that is another one. */
  enter(fullName: string, uid: string): string | undefined {
    const queue = this.#queues.get(fullName) ?? [];
    this.#queues.set(fullName, queue);
    if (!queue.includes(uid)) queue.push(uid);
    return queue[0] === uid ? undefined : queue[0];
  }

  /** Leaves the queue. Returns the UIDs that still wait, the next holder first. */
  leave(fullName: string, uid: string): readonly string[] {
    const queue = (this.#queues.get(fullName) ?? []).filter((u) => u !== uid);
    if (queue.length === 0) this.#queues.delete(fullName);
    else this.#queues.set(fullName, queue);
    return queue;
  }
}
