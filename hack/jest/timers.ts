type Timer = ReturnType<typeof setTimeout>;

/** The timers that a global object's setTimeout and setInterval have made, with where. */
export class Timers {
  #made: { readonly timer: Timer; readonly made: Error; readonly ms: unknown }[] = [];
  #enough = 1_000;

  /** Replaces its two functions. */
  watch(scope: typeof globalThis): void {
    for (const name of ['setTimeout', 'setInterval'] as const)
      scope[name] = new Proxy(scope[name], {
        apply: (make, self, given) => {
          const timer = Reflect.apply(make, self, given) as Timer;
          this.#add(timer, given[1]);
          return timer;
        },
      }) as never;
  }

  /** Those that will still come and keep the process running. */
  armed(): readonly { readonly timer: Timer; readonly text: string }[] {
    return this.#armed().map(({ timer, made, ms }) => ({ timer, text: `timer of ${ms} ms${place(made)}` }));
  }

  #armed() {
    // Node tells by no public name that a timer was cleared or has come.
    return this.#made.filter(
      ({ timer }) => !(timer as unknown as { _destroyed: boolean })._destroyed && timer.hasRef(),
    );
  }

  #add(timer: Timer, ms: unknown): void {
    this.#made.push({ timer, made: new Error(), ms });
    if (this.#made.length < this.#enough) return;
    this.#made = this.#armed();
    this.#enough = Math.max(1_000, 2 * this.#made.length);
  }
}

/** The frames outside this file. */
function place({ stack = '' }: Error): string {
  const frames = stack.split('\n').slice(3, 8);
  return frames.map((frame) => `\n    ${frame.trim()}`).join('');
}
