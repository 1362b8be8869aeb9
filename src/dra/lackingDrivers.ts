/** Pods that failed for want of a driver, by its name: they try again as soon as it comes. */
export class LackingDrivers {
  readonly #pods = new Map<string, Set<string>>();

  /** The Pod failed because the driver is not there. */
  note(driver: string, uid: string): void {
    const pods = this.#pods.get(driver) ?? new Set();
    this.#pods.set(driver, pods.add(uid));
  }

  /** The driver has come: UIDs of the Pods that lacked it, which are told once. */
  take(driver: string): readonly string[] {
    const pods = [...(this.#pods.get(driver) ?? [])];
    this.#pods.delete(driver);
    return pods;
  }

  /** The Pod lacks nothing any more. */
  forget(uid: string): void {
    for (const pods of this.#pods.values()) pods.delete(uid);
  }
}
